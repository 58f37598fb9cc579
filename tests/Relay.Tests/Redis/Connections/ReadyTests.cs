using System.Globalization;
using System.Text.RegularExpressions;
using Relay.Mail.Queue;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Connections;

/// <summary>Ready means that mail is taken. Each kind of work has a connection of its own, and they come back one by one.</summary>
public sealed partial class ReadyTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Not_before_the_connection_that_takes_mail_is_back()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var proxy = new RedisProxy(redis.Port);
        await using var store = await StoreUnderTest.StartAsync(proxy.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation);
        var health = store.Get<IStoreHealth>();
        proxy.Refused = "relay-intake";
        proxy.Cut();
        await Eventually.HoldsAsync(() => !health.IsReady, Cancellation);
        proxy.Mend();

        // The store is looked at again, and answers.
        var looks = await LooksAsync(redis);
        await Eventually.HoldsAsync(async () => await LooksAsync(redis) > looks + 1, Cancellation);
        Assert.False(health.IsReady);
        Assert.IsType<EnqueueResult.StoreUnavailable>(await store.Queue.EnqueueAsync(TestMail.To(TimeProvider.System, "a@x.test"), null, Cancellation).InTime());

        proxy.Refused = null;
        await Eventually.HoldsAsync(() => health.IsReady, Cancellation);
        Assert.IsType<EnqueueResult.Accepted>(await store.Queue.EnqueueAsync(TestMail.To(TimeProvider.System, "a@x.test"), null, Cancellation).InTime());
    }

    private static async Task<int> LooksAsync(RedisServer redis) =>
        Looks().Match(await redis.AskAsync(Cancellation, "INFO", "commandstats")) is { Success: true } found
            ? int.Parse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : 0;

    [GeneratedRegex(@"cmdstat_persist:calls=(\d+)")]
    private static partial Regex Looks();
}
