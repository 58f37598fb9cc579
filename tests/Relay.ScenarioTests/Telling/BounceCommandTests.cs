using System.Text.Json;
using Relay.ScenarioTests.Harness;

namespace Relay.ScenarioTests.Telling;

/// <summary><c>relay bounce parse</c>, with no relay running.</summary>
public sealed class BounceCommandTests : IDisposable
{
    private const int CannotOpenExit = 71;

    private const string Bounce = """
        From: MAILER-DAEMON@mx.example.com
        To: shop@example.com
        Subject: failure notice

        Hi. This is the qmail-send program at mx.example.com.
        I'm afraid I wasn't able to deliver your message to the following addresses.

        <ada@example.net>:
        Sorry, no mailbox here by that name. (#5.1.1)

        """;

    private const string Vacation = "From: Ada <ada@example.net>\nSubject: Автоответ: Your order\nAuto-Submitted: auto-replied\n\nI am on the sea.\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("relay-bounce-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Each_file_is_one_line_of_JSON_and_a_missing_one_stops_none()
    {
        var bounce = Write("1.eml", Bounce);
        var vacation = Write("2.eml", Vacation);
        var missing = Path.Combine(_folder, "none.eml");

        var ended = await ParseAsync(null, bounce, missing, vacation);

        Assert.Equal(CannotOpenExit, ended.ExitCode);
        Assert.StartsWith($"relay: {missing} cannot be read", ended.Errors, StringComparison.Ordinal);
        var lines = Lines(ended);
        Assert.Equal([(bounce, "bounce"), (vacation, "auto-reply")], lines.Select(line => (Text(line, "file"), Text(line, "kind"))));
        var recipient = Assert.Single(lines[0].GetProperty("recipients").EnumerateArray());
        Assert.Equal(
            ("ada@example.net", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)", "unknown-user", "hard", "status.1.1"),
            (Text(recipient, "address"), Text(recipient, "status"), Text(recipient, "reply"), Text(recipient, "class"), Text(recipient, "severity"), Text(recipient, "rule")));
    }

    [Fact]
    public async Task Standard_input_and_a_folder_are_read_too()
    {
        Write("b.eml", Vacation);
        Write("a.eml", Bounce);

        var ended = (await ParseAsync(Bounce, "-", _folder)).Succeeded();

        Assert.Equal(
            [("-", "bounce"), (Path.Combine(_folder, "a.eml"), "bounce"), (Path.Combine(_folder, "b.eml"), "auto-reply")],
            Lines(ended).Select(line => (Text(line, "file"), Text(line, "kind"))));
    }

    private Task<Ended> ParseAsync(string? input, params string[] files) =>
        ChildProcess.RunAsync(RelayUnderTest.Program, [.. RelayUnderTest.Arguments, "bounce", "parse", .. files], Cancellation, _folder, input: input);

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static JsonElement[] Lines(Ended ended) => [.. ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
