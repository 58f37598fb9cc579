using System.Net.Sockets;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Administering;

/// <summary>What is typed at a terminal is taken as it is typed, or refused in a sentence. No relay runs: none has to, to tell.</summary>
public sealed class TypedWordsTests
{
    private const int UsageExit = 64;
    private const int UnavailableExit = 69;
    private const int CannotOpenExit = 71;
    private const int NoPermissionExit = 77;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("send", "--from", "a@shop.test", "--to", "b@there.test", "--subject", "@ada", "--text", "@bob, look")]
    [InlineData("suppression", "add", "@there.test")]
    public async Task A_word_that_begins_with_an_at_sign_is_that_word(params string[] words) =>
        Assert.Equal(UnavailableExit, (await RunAsync("rk_test_1", words)).ExitCode);

    [Theory]
    [InlineData("message", "show", "")]
    [InlineData("message", "show", ".")]
    [InlineData("domain", "show", "")]
    [InlineData("suppression", "show", " ")]
    [InlineData("inbox", "")]
    [InlineData("webhook", "show", "")]
    [InlineData("template", "show", "", "--html")]
    public async Task An_id_that_a_script_forgot_is_no_question_about_something_else(params string[] words)
    {
        var ended = await RunAsync("rk_test_1", words);

        Assert.Equal(UsageExit, ended.ExitCode);
        Assert.Contains("is neither an id nor a name", ended.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--per-day must be a whole number.", "account", "limit", "acct_1", "--per-day", "many")]
    [InlineData("--per-second must be a number.", "account", "limit", "acct_1", "--per-second", "NaN")]
    [InlineData("--per-second must be a number.", "account", "limit", "acct_1", "--per-second", "1e999")]
    [InlineData("--limit must be a whole number.", "template", "list", "--limit", "many")]
    public async Task A_number_that_is_none_is_told_in_words_of_people(string sentence, params string[] words)
    {
        var ended = await RunAsync("rk_test_1", words);

        Assert.Equal(UsageExit, ended.ExitCode);
        Assert.Contains(sentence, ended.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", ended.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("limits", "--nonsense")]
    [InlineData("queue")]
    [InlineData("send", "--from", "a@shop.test")]
    [InlineData("nonsense")]
    public async Task How_a_command_is_used_is_told_on_the_side_where_it_was_used_wrongly(params string[] words)
    {
        var ended = await RunAsync("rk_test_1", words);

        Assert.Equal((UsageExit, ""), (ended.ExitCode, ended.Output));
        Assert.Contains("Usage:", ended.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("send", "--help")]
    public async Task And_as_the_answer_to_whoever_asks_for_it(params string[] words)
    {
        var ended = await RunAsync("rk_test_1", words);

        Assert.Equal((0, ""), (ended.ExitCode, ended.Errors));
        Assert.Contains("Usage:", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_input_is_one_file_and_not_two()
    {
        var ended = await RunAsync("rk_test_1", "template", "create", "Receipt", "--text-file", "-", "--html-file", "-");

        Assert.Equal(UsageExit, ended.ExitCode);
        Assert.Equal("relay: --text-file and --html-file cannot both be standard input\n", ended.Errors);
    }

    [Fact]
    public async Task A_file_in_another_encoding_does_not_go_out_with_gaps()
    {
        var name = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(name, [0x47, 0x72, 0xfc, 0xdf, 0x65], Cancellation);

            var ended = await RunAsync("rk_test_1", "template", "create", "Receipt", "--text-file", name);

            Assert.Equal(CannotOpenExit, ended.ExitCode);
            Assert.Equal($"relay: --text-file: {name} is not text in UTF-8\n", ended.Errors);
        }
        finally
        {
            File.Delete(name);
        }
    }

    [Theory]
    [InlineData("rk_live_1\nrk_live_2")]
    [InlineData("rk_live_\u0001")]
    [InlineData("schlüssel")]
    public async Task A_key_that_cannot_be_one_is_told_so(string key)
    {
        var ended = await RunAsync(key, "limits");

        Assert.Equal(NoPermissionExit, ended.ExitCode);
        Assert.Equal("relay: RELAY_KEY holds a line break or another character that no key has\n", ended.Errors);
    }

    [Fact]
    public async Task What_went_wrong_in_TLS_is_told()
    {
        using var plain = new TcpListener(System.Net.IPAddress.Loopback, 0);
        plain.Start();
        var answering = AnswerInClearTextAsync(plain);

        var ended = await RunAtAsync("rk_test_1", $"https://{plain.LocalEndpoint}", ["limits"]);
        await answering;

        Assert.Equal(UnavailableExit, ended.ExitCode);
        Assert.DoesNotContain("inner exception", ended.Errors, StringComparison.Ordinal);
    }

    private static async Task AnswerInClearTextAsync(TcpListener plain)
    {
        using var client = await plain.AcceptTcpClientAsync(Cancellation);
        await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Cancellation);
    }

    // The discard port: nothing listens there.
    private static Task<Ended> RunAsync(string key, params string[] words) => RunAtAsync(key, "http://127.0.0.1:9", words);

    private static Task<Ended> RunAtAsync(string key, string url, string[] words) => ChildProcess.RunAsync(
        RelayUnderTest.Program, [.. RelayUnderTest.Arguments, .. words], Cancellation, environment: new Dictionary<string, string?> { ["RELAY_KEY"] = key, ["RELAY_URL"] = url });
}
