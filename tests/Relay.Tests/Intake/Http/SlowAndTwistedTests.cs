using System.Net.Sockets;
using System.Text;

namespace Relay.Tests.Intake.Http;

/// <summary>What a client can do to HTTP/1.1 itself, octet by octet.</summary>
public sealed class SlowAndTwistedTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_header_that_does_not_end_is_cut_off()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:HeaderTimeout", "00:00:01"));

        Assert.StartsWith("HTTP/1.1 408 ", await AnswerAsync(api, "POST /send HTTP/1.1\r\nHost: relay\r\nX-Slow: "), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_does_not_end_is_cut_off_and_nothing_of_it_is_sent()
    {
        await using var api = await ApiUnderTest.StartAsync(("Http:SlowStart", "00:00:02"));

        var answer = await AnswerAsync(api, $"POST /send HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {api.Key}\r\nContent-Length: 100\r\n\r\n{{ \"from\":");

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task A_connection_without_a_request_is_closed()
    {
        await using var api = await StartImpatientAsync();

        Assert.Empty(await AnswerAsync(api, ""));
    }

    [Fact]
    public async Task Two_words_on_where_a_body_ends_are_refused_and_what_follows_is_no_request()
    {
        await using var api = await StartImpatientAsync();
        var smuggled = $"GET /keys HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {api.Key}\r\n\r\n";
        foreach (var fields in new[]
        {
            "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: x\r\n",
            "Content-Length: -1\r\n",
        })
        {
            var answer = await AnswerAsync(api, $"POST /keys HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {api.Key}\r\n{fields}\r\n0\r\n\r\n{smuggled}");

            // One refusal, or none, and nothing after it.
            Assert.True(answer.Length == 0 || (answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal) && answer.Split("HTTP/1.1 ").Length == 2), $"{fields}: {answer}");
        }
    }

    [Fact]
    public async Task Streams_that_are_opened_and_reset_by_the_thousand_find_no_HTTP2()
    {
        await using var api = await StartImpatientAsync();

        var answer = await AnswerAsync(api, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0");

        // One GOAWAY, HTTP_1_1_REQUIRED (RFC 9113, 6.8 and 7), and the end.
        Assert.Equal("\0\0\b\a\0\0\0\0\0\0\0\0\0\0\0\0\r", answer);
    }

    [Fact]
    public async Task A_header_without_measure_is_refused()
    {
        await using var api = await StartImpatientAsync();

        Assert.StartsWith("HTTP/1.1 431 ", await AnswerAsync(api, $"GET /keys HTTP/1.1\r\nHost: relay\r\nX-Long: {new string('x', 33_000)}\r\n\r\n"), StringComparison.Ordinal);
    }

    private static Task<ApiUnderTest> StartImpatientAsync() => ApiUnderTest.StartAsync(("Http:IdleTimeout", "00:00:01"), ("Http:HeaderTimeout", "00:00:01"));

    // All that comes until the server closes, which it has to do by itself.
    private static async Task<string> AnswerAsync(ApiUnderTest api, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(api.Client.BaseAddress!.Host, api.Client.BaseAddress.Port, Cancellation);
        var stream = socket.GetStream();
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancellation);
            for (int octets; (octets = await stream.ReadAsync(buffer, Cancellation)) > 0;)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, octets));
            }
        }
        catch (IOException)
        {
            // Reset, since it did not want to read the rest.
        }

        return answer.ToString();
    }
}
