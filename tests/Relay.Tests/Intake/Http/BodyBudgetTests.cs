using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Intake.Http;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Sending;
using Relay.Tests.Redis;

namespace Relay.Tests.Intake.Http;

public sealed class BodyBudgetTests
{
    private const int Most = 1024 * 1024;
    private const int Small = 64 * 1024;
    private const int Part = Most / 4;
    private const int MostOfOne = Most - Part;

    private readonly FakeTimeProvider _time = new();
    private readonly BodyBudget _budget;

    public BodyBudgetTests() => _budget = new BodyBudget(Options.Create(new HttpOptions { MaxBodyBytesInFlight = Most }), _time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_alone_may_be_larger_than_the_budget()
    {
        await using var body = Open("shop", 3 * Most);

        await ReadAsync(body);
    }

    [Fact]
    public async Task Beyond_the_budget_a_request_is_told_to_come_again_until_another_has_ended()
    {
        await using (var first = Open("shop", Most))
        {
            await ReadAsync(first);

            await using var second = Open("other", Small + 1);
            await IsRefusedAsync(second);
        }

        await using var third = Open("other", Most);
        await ReadAsync(third);
        await using var fourth = Open("shop", Small + 1);
        await IsRefusedAsync(fourth);
    }

    [Fact]
    public async Task Who_was_refused_keeps_nothing_from_the_next()
    {
        await using var first = Open("shop", MostOfOne - Small - 1);
        await ReadAsync(first);
        await using var refused = Open("shop", Part);
        await IsRefusedAsync(refused);

        await using var next = Open("shop", Small + 1);
        await ReadAsync(next);
    }

    [Fact]
    public async Task One_account_alone_leaves_a_quarter_of_it_to_the_next()
    {
        await using var first = Open("shop", Part);
        await ReadAsync(first);
        await using var second = Open("shop", MostOfOne - Part);
        await ReadAsync(second);
        await using var third = Open("shop", Small + 1);
        await IsRefusedAsync(third);

        await using var others = Open("other", Part);
        await ReadAsync(others);
    }

    [Fact]
    public async Task A_quarter_of_it_is_an_accounts_own_whatever_others_hold()
    {
        await using var first = Open("shop", Part);
        await ReadAsync(first);
        await using var others = Open("other", Most - Part - Part);
        await ReadAsync(others);

        await using var more = Open("other", Small + 1);
        await IsRefusedAsync(more);
        await using var newcomer = Open("third", Part);
        await ReadAsync(newcomer);
    }

    [Fact]
    public async Task A_small_body_always_passes()
    {
        await using var first = Open("shop", 2 * Most);
        await ReadAsync(first);

        foreach (var account in (string[])["shop", "other"])
        {
            await using var small = Open(account, Small);
            await ReadAsync(small);
        }
    }

    [Fact]
    public async Task A_large_body_that_stands_still_is_given_up_and_its_octets_are_given_back()
    {
        var stalled = new StalledBody(MostOfOne);
        var reading = ReadAndEndAsync(_budget.Open(stalled, "shop"));
        await stalled.StandsStill.Task.WaitAsync(Cancellation);
        await using (var refused = Open("shop", Small + 1))
        {
            await IsRefusedAsync(refused);
        }

        _time.Advance(new HttpOptions().BodyTimeout);

        Assert.Equal(StatusCodes.Status408RequestTimeout, (await Assert.ThrowsAsync<BadHttpRequestException>(() => reading)).StatusCode);
        await using var next = Open("shop", MostOfOne);
        await ReadAsync(next);
    }

    [Fact]
    public async Task What_a_small_body_becomes_counts_until_it_is_let_go_of()
    {
        await using var others = Open("other", Part);
        await ReadAsync(others);
        await using var body = Open("shop", Small);
        await ReadAsync(body);

        using (body.Hold(Part))
        using (body.Hold(2 * Part))
        {
            Assert.Equal(503, Assert.Throws<ProblemException>(() => body.Hold(Small + 1)).Problem.Status);
            Assert.Null(body.Hold(Small));
        }

        using var first = body.Hold(Part);
        using var second = body.Hold(2 * Part);
    }

    [Fact]
    public async Task What_is_not_let_go_of_goes_with_the_body()
    {
        await using (var body = Open("shop", Small + 1))
        {
            await ReadAsync(body);
            body.Hold(2 * Most);
        }

        await using var other = Open("other", Part);
        await ReadAsync(other);
        await using var next = Open("shop", Most - Part - Part);
        await ReadAsync(next);
    }

    [Fact]
    public async Task Whoever_fills_it_and_stands_still_keeps_nobody_elses_mail_out()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:MaxBodyBytesInFlight", $"{Most}"), ("Bootstrap:RequireVerifiedDomains", "false"));
        var other = await api.KeyAsync("other");
        var (small, large) = (Mail(10), Mail(200_000));
        var (longOne, brief) = (await TemplateAsync(200_000), await TemplateAsync(10));
        var stalled = new List<TcpClient>();
        try
        {
            // They are read as they come, and those that come when it is full are refused.
            await Eventually.HoldsAsync(
                async () =>
                {
                    stalled.Add(await StallAsync(api));
                    return (await api.SendAsync(large)).Status == HttpStatusCode.ServiceUnavailable;
                },
                Cancellation);

            Assert.Equal(HttpStatusCode.Accepted, (await api.SendAsync(small)).Status);
            Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync("/send", small, other)).Status);
            Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync("/send", large, other)).Status);

            var batch = await api.PostAsync("/send/batch", $"[ {FromTemplate(longOne)}, {small}, {FromTemplate(brief)} ]");
            Assert.Equal([503, 202, 202], batch.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("status").GetInt32()));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.SendAsync(FromTemplate(longOne))).Status);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.PostAsync($"/templates/{longOne}/preview", "{}")).Status);
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync($"/templates/{brief}/preview", "{}")).Status);
        }
        finally
        {
            stalled.ForEach(socket => socket.Dispose());
        }

        static string FromTemplate(string template) => $$"""{ "from": "a@shop.test", "to": "b@there.test", "template": "{{template}}" }""";

        async Task<string> TemplateAsync(int octets) =>
            (await api.PostAsync("/templates", $$"""{ "name": "a", "text": "{{new string('x', octets)}}", "html": "{{new string('y', octets)}}" }""")).String("id");

        static string Mail(int octets) => $$"""{ "from": "a@shop.test", "to": "b@there.test", "text": "{{new string('x', octets)}}" }""";
    }

    [Fact]
    public async Task Whoever_does_not_read_a_preview_keeps_its_part_for_no_longer_than_a_body_may_take()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:MaxBodyBytesInFlight", $"{Most}"), ("Bootstrap:RequireVerifiedDomains", "false"));
        var large = $$"""{ "from": "a@shop.test", "to": "b@there.test", "text": "{{new string('x', 200_000)}}" }""";
        var template = (await api.PostAsync("/templates", """{ "name": "a", "text": "{{v}}{{v}}{{v}}{{v}}{{v}}" }""")).String("id");

        // Six octets a character: more than the connection's two ends take up between them.
        var variables = $$"""{ "variables": { "v": "{{string.Concat(Enumerable.Repeat("\\u0001", 200_000))}}" } }""";
        using var reader = new TcpClient { ReceiveBufferSize = 4096 };
        await reader.ConnectAsync(api.Client.BaseAddress!.Host, api.Client.BaseAddress.Port, Cancellation);
        await reader.GetStream().WriteAsync(
            Encoding.ASCII.GetBytes(
                $"POST /templates/{template}/preview HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {api.Key}\r\nContent-Length: {variables.Length}\r\n\r\n{variables}"),
            Cancellation);
        var begun = new byte[15];
        await reader.GetStream().ReadExactlyAsync(begun, Cancellation);
        Assert.Equal("HTTP/1.1 200 OK", Encoding.ASCII.GetString(begun));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.SendAsync(large)).Status);

        api.Stores.Time.Advance(new HttpOptions().BodyTimeout);

        await Eventually.HoldsAsync(async () => (await api.SendAsync(large)).Status == HttpStatusCode.Accepted, Cancellation);
    }

    private BodyBudget.Share Open(string account, int octets) => _budget.Open(new MemoryStream(new byte[octets]), account);

    private static Task ReadAsync(Stream body) => body.CopyToAsync(Stream.Null, Cancellation);

    private static async Task ReadAndEndAsync(Stream body)
    {
        await using (body)
        {
            await ReadAsync(body);
        }
    }

    private static async Task IsRefusedAsync(Stream body) =>
        Assert.Equal(503, (await Assert.ThrowsAsync<ProblemException>(() => ReadAsync(body))).Problem.Status);

    // Says it has much to send, sends some of it, and no more.
    private static async Task<TcpClient> StallAsync(ApiUnderTest api)
    {
        var socket = new TcpClient();
        await socket.ConnectAsync(api.Client.BaseAddress!.Host, api.Client.BaseAddress.Port, Cancellation);
        var octets = $"POST /send HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {api.Key}\r\nContent-Length: {Most}\r\n\r\n{{ \"text\": \"{new string('x', 250_000)}";
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(octets), Cancellation);
        return socket;
    }

    private sealed class StalledBody(int octets) : BodyReader
    {
        private int _left = octets;

        public TaskCompletionSource StandsStill { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                StandsStill.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            var taken = Math.Min(_left, buffer.Length);
            _left -= taken;
            return taken;
        }
    }
}
