using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.Redis;
using Relay.Redis.Connections;
using Relay.TestKit.Redis;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Connections;

/// <summary>What no patience mends is told at once, before the start waits for a store that is away.</summary>
public sealed class StoreGreetingTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "wants a password, and Relay:Redis names none")]
    [InlineData(",password=wrong", "does not take the user name or password in Relay:Redis: WRONGPASS")]
    [InlineData(",user=nobody,password=right", "does not take the user name or password in Relay:Redis: WRONGPASS")]
    public async Task A_wrong_password(string login, string words)
    {
        await using var redis = await WithPasswordAsync();

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(redis.ConnectionString + login));

        Assert.Contains($"{redis.ConnectionString} {words}", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("password=", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_right_password()
    {
        await using var redis = await WithPasswordAsync();

        await using var store = await StartAsync($"{redis.ConnectionString},password=right");
    }

    [Fact]
    public async Task A_wrong_password_for_the_primary_behind_sentinels_that_ask_for_none()
    {
        await using var redis = await RedisSentinel.StartAsync(Cancellation, settings: ["--user", "relay", "on", ">right", "~*", "&*", "+@all"]);

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync($"{redis.ConnectionString},user=relay,password=wrong"));

        Assert.Contains($"127.0.0.1:{redis.Servers[0].Port} does not take the user name or password", refused.Message, StringComparison.Ordinal);
        await using var store = await StartAsync($"{redis.ConnectionString},user=relay,password=right");
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "is no Redis: it answered 'HTTP/1.1 400 Bad Request'")]
    [InlineData("220 mx.example ESMTP\r\n", "is no Redis: it answered '220 mx.example ESMTP'")]
    [InlineData("\u0001\u001b[2J", "is no Redis: it answered '??[2J'")]
    public async Task A_server_of_another_kind(string answer, string words)
    {
        using var server = Answering(answer);

        var refused = await Assert.ThrowsAsync<StoreRefusedException>(() => StartAsync(server.LocalEndpoint.ToString()!));

        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-LOADING Redis is loading the dataset in memory\r\n")]
    [InlineData("-MASTERDOWN Link with MASTER is down\r\n")]
    [InlineData("-ERR max number of clients reached\r\n")]
    [InlineData("")]
    public async Task What_may_pass_is_waited_for(string answer)
    {
        using var server = Answering(answer);

        await StoreGreeting.RequireAsync(OptionsOf(server), Cancellation);
    }

    [Fact]
    public async Task Nobody_there_is_waited_for()
    {
        using var server = Answering("");
        var options = OptionsOf(server);
        server.Stop();

        await StoreGreeting.RequireAsync(options, Cancellation);
    }

    [Fact]
    public async Task One_of_several_that_is_set_up_wrongly_keeps_nobody_from_the_others()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        using var other = Answering("HTTP/1.1 400 Bad Request\r\n\r\n");

        await StoreGreeting.RequireAsync(StoreConnections.Configure($"{other.LocalEndpoint},{redis.ConnectionString}", TimeSpan.FromSeconds(1)), Cancellation);
    }

    private static ConfigurationOptions OptionsOf(TcpListener server) => StoreConnections.Configure(server.LocalEndpoint.ToString()!, TimeSpan.FromSeconds(1));

    private static Task<StoreUnderTest> StartAsync(string redis) => StoreUnderTest.StartAsync(redis, StoreUnderTest.NewFolder(), Time, Cancellation);

    private static async Task<RedisServer> WithPasswordAsync()
    {
        var redis = await RedisServer.StartAsync(Cancellation);
        await redis.AskAsync(Cancellation, "CONFIG", "SET", "requirepass", "right");
        return redis;
    }

    /// <summary>Says this to whoever has said something, and hangs up.</summary>
    private static TcpListener Answering(string words)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = AnswerAsync(listener, Encoding.ASCII.GetBytes(words));
        return listener;
    }

    private static async Task AnswerAsync(TcpListener listener, byte[] words)
    {
        var buffer = new byte[1024];
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(Cancellation);
                await client.GetStream().ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false, Cancellation);
                await client.GetStream().WriteAsync(words, Cancellation);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The test is over.
        }
    }
}
