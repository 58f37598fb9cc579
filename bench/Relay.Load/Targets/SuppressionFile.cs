using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Relay.Load.Targets;

/// <summary>A list of suppressed addresses as another service gives it out, brought in the way the command line does it.</summary>
/// <param name="brokenOneIn">Every so many lines one cannot be read; zero for none.</param>
internal sealed class SuppressionFile(int lines, int brokenOneIn = 0)
{
    // As many as the command line sends at once.
    private const int LinesPerRequest = 50_000;

    public static string AddressOf(int number) => string.Create(CultureInfo.InvariantCulture, $"somebody.{number}@gone{number % 1000}.load.test");

    /// <summary>Lines taken, lines refused by their number, and whether those are just the broken ones.</summary>
    public async Task<ImportedLines> ImportAsync(HttpClient relay, CancellationToken cancellation, Action<int>? progress = null)
    {
        var (added, refused) = (0, new List<int>());
        for (var first = 1; first <= lines; first += LinesPerRequest)
        {
            var count = Math.Min(LinesPerRequest, lines - first + 1);
            using var answer = await relay.PostAsync("/suppressions/import", new StringContent(Lines(first, count), Encoding.UTF8, "text/csv"), cancellation);
            answer.EnsureSuccessStatusCode();
            var told = JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation));
            added += told.GetProperty("added").GetInt32();
            refused.AddRange(told.GetProperty("errors").EnumerateArray().Select(error => first - 1 + error.GetProperty("line").GetInt32()));
            progress?.Invoke(first + count - 1);
        }

        var broken = Enumerable.Range(1, lines).Where(IsBroken);
        return new ImportedLines(added, refused.Count, refused.SequenceEqual(broken));
    }

    private bool IsBroken(int line) => brokenOneIn > 0 && line % brokenOneIn == 0;

    private string Lines(int first, int count)
    {
        var text = new StringBuilder();
        for (var line = first; line < first + count; line++)
        {
            text.Append(IsBroken(line) ? "this is no line" : AddressOf(line)).Append(",bounce,2026-01-31T12:00:00Z,\"550 5.1.1 No such user\"\n");
        }

        return text.ToString();
    }
}

/// <param name="IsExact">Every broken line was named, and no other.</param>
internal sealed record ImportedLines(int Added, int Refused, bool IsExact);
