using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Messages;
using Relay.Mail.Suppressions;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Http.Suppressions;

/// <summary>
/// <c>/suppressions/import</c> and <c>/suppressions/export</c>: whole lists as comma-separated values, a line each:
/// <c>email,reason,since,words,stream</c>, of which the first is enough. Neither holds a list in memory.
/// </summary>
internal sealed class SuppressionList(ISuppressionStore suppressions, TimeProvider time)
{
    /// <summary>Octets of a list that comes in: some hundred megabytes are several million addresses; who has more sends them in parts.</summary>
    public const long MaxBody = 512L * 1024 * 1024;

    // One flight to the store: long enough that the way there costs nothing, short enough to keep little.
    private const int Lot = 1_000;

    private const int MaxLine = 4 * 1024;

    // Enough to see what is wrong with a file.
    private const int MostErrors = 100;

    private static readonly string[] Names = ["email", "reason", "since", "words", "stream"];

    public async Task<IResult> ImportAsync(HttpContext context)
    {
        Reach.RequireWhole(context);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxBody;
        }

        var caller = Caller.Of(context);
        var (added, known, refused) = (0, 0, 0);
        var errors = new List<ImportError>();
        var lot = new List<Suppression>(Lot);
        var writing = Task.CompletedTask;
        var streams = (await suppressions.ListStreamsAsync(caller.Account, context.RequestAborted)).ToHashSet();
        var number = 0;
        try
        {
            await foreach (var read in ReadLinesAsync(context.Request.BodyReader, context.RequestAborted))
            {
                number++;

                // Spreadsheets put a mark before the first line, be it of names or of an address.
                var line = number == 1 ? read.TrimStart('\uFEFF') : read;
                if (line.Length == 0 || (number == 1 && IsLineOfNames(line)))
                {
                    continue;
                }

                var isRead = TryRead(line, caller.Id, time.GetUtcNow(), out var suppression, out var problem);
                if (isRead && !HasRoom(streams, suppression.Stream))
                {
                    (isRead, problem) = (false, $"stream: {SuppressionEndpoints.TooManyStreams}");
                }

                if (isRead)
                {
                    lot.Add(suppression);
                }
                else
                {
                    refused++;
                    if (errors.Count < MostErrors)
                    {
                        errors.Add(new ImportError(number, problem));
                    }
                }

                // While the store writes one lot the next is read.
                if (lot.Count == Lot)
                {
                    await writing;
                    writing = AddAsync(lot);
                    lot = new List<Suppression>(Lot);
                }
            }
        }
        finally
        {
            await writing;
        }

        await AddAsync(lot);
        return TypedResults.Json(new ImportAnswer(added, known, refused, errors), AnswerJson.Default.ImportAnswer);

        async Task AddAsync(List<Suppression> taken)
        {
            var written = await suppressions.AddAsync(caller.Account, taken, context.RequestAborted);
            (added, known) = (added + written, known + taken.Count - written);
        }
    }

    public async Task ExportAsync(HttpContext context)
    {
        var caller = Caller.Of(context);

        // Before the first octet, while an error can still be told.
        var page = await suppressions.ListAsync(caller.Account, null, Lot, context.RequestAborted);
        context.Response.ContentType = "text/csv; charset=utf-8";
        context.Response.Headers.ContentDisposition = "attachment; filename=\"suppressions.csv\"";
        await WriteAsync(context.Response.BodyWriter, CsvLine.Write(Names), context.RequestAborted);
        for (; ; page = await suppressions.ListAsync(caller.Account, page.Next, Lot, context.RequestAborted))
        {
            foreach (var each in page.Items.Where(each => SuppressionEndpoints.MaySee(caller, each)))
            {
                var since = each.Since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
                await WriteAsync(context.Response.BodyWriter, CsvLine.Write(each.Address, Word.Of(each.Reason), since, each.Words, each.Stream), context.RequestAborted);
            }

            if (page.Next is null)
            {
                return;
            }

            // The answer has begun: where the store goes away now it breaks off, and nobody takes words about that for addresses.
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        }
    }

    private static async ValueTask WriteAsync(PipeWriter writer, string line, CancellationToken cancellation)
    {
        Encoding.UTF8.GetBytes(line + "\r\n", writer);
        if (writer.UnflushedBytes > 16 * 1024)
        {
            await writer.FlushAsync(cancellation);
        }
    }

    // A line without end is not gathered in memory: its beginning is enough to say what is wrong with it.
    private static async IAsyncEnumerable<string> ReadLinesAsync(PipeReader reader, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? overlong = null;
        for (var isWhole = false; !isWhole;)
        {
            var read = await reader.ReadAsync(cancellation);
            var buffer = read.Buffer;
            while (TryTakeLine(ref buffer, out var line))
            {
                yield return overlong ?? line;
                overlong = null;
            }

            isWhole = read.IsCompleted;
            if (isWhole ? !buffer.IsEmpty || overlong is not null : buffer.Length > MaxLine)
            {
                overlong ??= TextOf(buffer);
                buffer = buffer.Slice(buffer.End);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }

        if (overlong is not null)
        {
            yield return overlong;
        }
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> buffer, out string line)
    {
        if (buffer.PositionOf((byte)'\n') is not { } end)
        {
            line = "";
            return false;
        }

        line = TextOf(buffer.Slice(0, end));
        buffer = buffer.Slice(buffer.GetPosition(1, end));
        return true;
    }

    private static string TextOf(in ReadOnlySequence<byte> octets) =>
        Encoding.UTF8.GetString(octets.Slice(0, Math.Min(octets.Length, MaxLine + 1))).TrimEnd('\r');

    private static bool HasRoom(HashSet<string> streams, string? stream) =>
        stream is null || streams.Contains(stream) || (streams.Count < ISuppressionStore.MostStreams && streams.Add(stream));

    private static bool IsLineOfNames(string line) =>
        CsvLine.TryRead(line, out var values) && values[0].Equals(Names[0], StringComparison.OrdinalIgnoreCase);

    private static bool TryRead(string line, string by, DateTimeOffset now, out Suppression suppression, out string problem)
    {
        suppression = null!;
        problem = "";
        var (reason, since) = (SuppressionReason.Manual, now);
        var isCsv = CsvLine.TryRead(line, out var values);
        if (line.Length > MaxLine)
        {
            problem = $"is longer than {MaxLine} characters";
        }
        else if (!isCsv)
        {
            problem = "has a quote in the wrong place";
        }
        else if (!EnvelopeAddress.TryParse(values[0], out var address, out var wrong))
        {
            problem = $"email: {wrong}";
        }
        else if (Value(1) is { } word && !Word.TryParse(word, out reason))
        {
            problem = "reason: must be bounce, complaint, unsubscribe or manual";
        }
        else if (Value(2) is { } date && !DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out since))
        {
            problem = "since: must be a time like 2026-01-31T12:00:00Z";
        }
        else if (Value(4) is { } stream && !StreamName.IsValid(stream))
        {
            problem = $"stream: {StreamName.Rule}";
        }
        else
        {
            suppression = new Suppression { Address = Suppression.KeyOf(address), Stream = Value(4), Reason = reason, Since = since, Words = Value(3), By = by };
        }

        return problem.Length == 0;

        string? Value(int index) => values.Count > index && values[index].Length > 0 ? values[index] : null;
    }
}
