using System.Text;
using Relay.Feedback.Incoming;

namespace Relay.Tests.Feedback.Incoming;

/// <summary>Each file of Samples is a mail of our own writing in the manner of one mail system; its first lines say what it is.</summary>
public sealed class SampleTests
{
    public static TheoryData<string> Names => [.. Files().Select(Path.GetFileNameWithoutExtension).OfType<string>().Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_sample_is_what_it_says(string name)
    {
        var octets = File.ReadAllBytes(Files().Single(file => Path.GetFileNameWithoutExtension(file) == name));

        Assert.Equal(ExpectedOf(octets), Told(ReportReader.Read(octets)));
    }

    [Fact]
    public void No_sample_cut_short_anywhere_throws()
    {
        foreach (var file in Files())
        {
            var octets = File.ReadAllBytes(file);
            for (var length = 0; length < octets.Length; length += 37)
            {
                ReportReader.Read(octets.AsSpan(0, length));
            }
        }
    }

    [Fact]
    public void No_sample_with_octets_turned_over_throws()
    {
        var random = new Random(4711);
        foreach (var file in Files())
        {
            var octets = File.ReadAllBytes(file);
            for (var i = 0; i < octets.Length / 25; i++)
            {
                octets[random.Next(octets.Length)] = (byte)random.Next(256);
                if (i % 8 == 0)
                {
                    ReportReader.Read(octets);
                }
            }
        }
    }

    private static string[] Files() => Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Feedback", "Incoming", "Samples"), "*.eml");

    private static string[] ExpectedOf(byte[] octets) =>
        [.. Encoding.UTF8.GetString(octets).Split('\n').Where(line => line.StartsWith("X-Expect: ", StringComparison.Ordinal)).Select(line => line["X-Expect: ".Length..].Trim())];

    private static string[] Told(IncomingReport report) =>
    [
        report.Kind switch
        {
            ReportKind.Bounce => "bounce",
            ReportKind.Complaint => "complaint",
            ReportKind.AutoReply => "auto-reply",
            ReportKind.Unsubscribe => "unsubscribe",
            _ => "other",
        },
        .. report.Recipients.Select(recipient => $"{recipient.Address} {recipient.Class} {recipient.Severity?.ToString().ToLowerInvariant() ?? "-"}"),
    ];
}
