using System.Text;
using Relay.Intake.Http.Json;

namespace Relay.Tests.Intake.Http;

public sealed class ShortNamesTests
{
    private static readonly string Long = new('k', 1_001);
    private static readonly string Short = new('k', 1_000);

    public static TheoryData<string> Refused =>
    [
        $$"""{"{{Long}}":1}""",
        $$$"""{"a":{"b":[{"{{{Long}}}" {{{"\t\r\n"}}} :1}]}}""",
        $$"""{"a":"{{Long}}","{{Long}}":1}""",
        $$"""{"a":"\"","{{new string('k', 997)}}\"\"":1}""",
        $$"""{"{{Long}}":""",
    ];

    public static TheoryData<string> Taken =>
    [
        $$"""{"{{Short}}":1}""",
        $$"""{"a":"{{Long}}"}""",
        $$"""["{{Long}}","{{Long}}" , "a:b"]""",
        $$"""{"a":"{{Long}}\":","b":"\\","c":[]}""",
        "",
        "no JSON at all: \"",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_name_that_is_too_long_ends_the_reading_wherever_the_body_is_cut(string body)
    {
        foreach (var piece in new[] { 1, 2, 7, 1_000, int.MaxValue })
        {
            var refused = await Assert.ThrowsAsync<ProblemException>(() => ReadAsync(body, piece));

            Assert.Equal(400, refused.Problem.Status);
            Assert.Contains("longer than 1000 octets", refused.Problem.Detail, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Taken))]
    public async Task Whatever_else_is_in_a_body_passes_as_it_is(string body)
    {
        foreach (var piece in new[] { 1, 2, 7, 1_000, int.MaxValue })
        {
            Assert.Equal(body, await ReadAsync(body, piece));
        }
    }

    private static async Task<string> ReadAsync(string body, int piece)
    {
        var octets = Encoding.UTF8.GetBytes(body);
        await using var reader = new ShortNames(new MemoryStream(octets));
        using var read = new MemoryStream();
        var buffer = new byte[Math.Min(piece, octets.Length + 1)];
        while (await reader.ReadAsync(buffer, TestContext.Current.CancellationToken) is > 0 and var count)
        {
            read.Write(buffer, 0, count);
        }

        return Encoding.UTF8.GetString(read.ToArray());
    }
}
