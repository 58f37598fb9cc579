using Relay.Delivery.TlsPolicies;
using Relay.Mail.Events;
using Relay.Mail.Policies;
using Relay.Mail.Queue;

namespace Relay.Tests.Delivery.TlsPolicies;

/// <summary>How a policy is had and how long it holds (RFC 8461, 3.3 and 5.1).</summary>
public sealed class StsPoliciesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_policy_is_fetched_once_and_kept_in_the_store()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        await scene.Delivery.SendAsync("a@remote.test");
        scene.LetRecordsAge();
        await scene.Delivery.SendAsync("b@remote.test");

        Assert.Single(scene.Server.Requests);
        var kept = await scene.Delivery.Part<IStsPolicyStore>().FindAsync("remote.test", Cancellation);
        Assert.Equal(("1", StsScene.Week), (kept!.Id, kept.Until - kept.FetchedAt));
    }

    [Fact]
    public async Task A_kept_policy_needs_no_fetch_after_a_restart()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Answer = null;
        await KeepAsync(scene, "1");

        Assert.Equal("mta-sts enforce", (await scene.Delivery.SendAsync("a@remote.test"))[0].TlsPolicy);
        Assert.Empty(scene.Server.Requests);
    }

    [Fact]
    public async Task A_new_id_in_the_record_brings_the_new_policy()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        Assert.Equal(MailEventType.Deferred, (await scene.Delivery.SendAsync("a@remote.test"))[0].Type);

        scene.Server.Serve("none", StsScene.Week);
        scene.ChangeRecord("2");
        scene.LetRecordsAge();

        Assert.Equal(StsMode.None, (await scene.Delivery.Part<StsPolicies>().FindAsync("remote.test", Cancellation)).Records[0].Policy!.Mode);
        Assert.Equal(2, scene.Server.Requests.Count);
    }

    [Fact]
    public async Task Who_asks_for_a_retry_gets_the_policy_looked_at_again()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        await scene.Delivery.SendAsync("a@remote.test");

        scene.Server.Serve("none", StsScene.Week);
        scene.ChangeRecord("2");
        scene.Delivery.Part<IDeliveryDesk>().TryAgain("remote.test");

        Assert.Equal((MailEventType.Delivered, null), await OutcomeAsync(scene));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("2")]
    public async Task A_policy_holds_though_its_record_or_its_server_has_gone(string? record)
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        await scene.Delivery.SendAsync("a@remote.test");

        scene.ChangeRecord(record);
        scene.Server.Serve("gone", status: "404 Not Found");
        scene.LetRecordsAge();

        Assert.Equal("mta-sts enforce", (await scene.Delivery.SendAsync("b@remote.test"))[0].TlsPolicy);
    }

    [Fact]
    public async Task A_policy_ends_with_its_age()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        await KeepAsync(scene, "1");
        scene.ChangeRecord(null);
        scene.Delivery.Time.Advance(TimeSpan.FromDays(2));

        Assert.Equal((MailEventType.Delivered, null), await OutcomeAsync(scene));
    }

    [Fact]
    public async Task A_policy_is_renewed_once_a_day_while_the_old_one_holds()
    {
        await using var scene = await StsScene.StartAsync();
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");
        await scene.Delivery.SendAsync("a@remote.test");

        scene.Delivery.Time.Advance(TimeSpan.FromHours(25));
        await scene.Delivery.SendAsync("b@remote.test");

        var store = scene.Delivery.Part<IStsPolicyStore>();
        await WaitUntil.TrueAsync(() => store.FindAsync("remote.test", Cancellation).AsTask().Result!.FetchedAt == scene.Delivery.Time.GetUtcNow());
        Assert.Equal(2, scene.Server.Requests.Count);
    }

    [Theory]
    [InlineData("redirect", "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.remote.test/other\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTML", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 68\r\n\r\nversion: STSv1\r\nmode: enforce\r\nmx: mx.remote.test\r\nmax_age: 604800\r\n\r\n")]
    [InlineData("no policy", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")]
    public async Task What_is_no_policy_counts_as_none(string what, string answer)
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Answer = answer;

        Assert.Equal((MailEventType.Delivered, null), await OutcomeAsync(scene));
        Assert.True(scene.Server.Requests.Count == 1, what);
    }

    [Fact]
    public async Task A_policy_of_more_than_64_KiB_is_not_read_on()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Serve("version: STSv1\r\nmode: enforce\r\nmx: mx.remote.test\r\nmax_age: 604800\r\n" + new string('\n', 65_536));

        Assert.Equal((MailEventType.Delivered, null), await OutcomeAsync(scene));
    }

    [Fact]
    public async Task A_policy_server_that_does_not_prove_its_name_is_not_heard()
    {
        await using var scene = await StsScene.StartAsync(names: "", policyHost: "remote.test");
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        Assert.Equal((MailEventType.Delivered, null), await OutcomeAsync(scene));
        Assert.Empty(scene.Server.Requests);
        Assert.Equal(TlsTrouble.StsWebpkiInvalid, (await scene.Delivery.Part<StsPolicies>().FindAsync("remote.test", Cancellation)).Records[0].Trouble);
    }

    [Fact]
    public async Task A_policy_server_on_an_internal_address_is_not_asked()
    {
        await using var scene = await StsScene.StartAsync(names: "", settings: ("Delivery:AllowPrivateDestinations", false));
        scene.Server.Serve("enforce", StsScene.Week, "mx.remote.test");

        var found = (await scene.Delivery.Part<StsPolicies>().FindAsync("remote.test", Cancellation)).Records[0];

        Assert.Equal((null, TlsTrouble.StsPolicyFetchError), (found.Policy, found.Trouble));
        Assert.Contains("loopback", found.Words, StringComparison.Ordinal);
        Assert.Empty(scene.Server.Requests);
    }

    [Fact]
    public async Task A_policy_server_that_keeps_silent_is_given_up_by_the_clock()
    {
        await using var scene = await StsScene.StartAsync();
        var fetching = scene.Delivery.Part<StsFetcher>().FetchAsync("remote.test", TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() => scene.Server.Requests.Count == 1);
        Assert.False(fetching.IsCompleted);

        scene.Delivery.Time.Advance(TimeSpan.FromSeconds(20));

        var fetched = await fetching.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal((null, "the policy server took too long"), (fetched.Policy, fetched.Words));
    }

    [Fact]
    public async Task A_failed_fetch_is_not_repeated_at_once()
    {
        await using var scene = await StsScene.StartAsync(names: "");
        scene.Server.Serve("gone", status: "404 Not Found");

        await scene.Delivery.SendAsync("a@remote.test");
        scene.Delivery.Time.Advance(TimeSpan.FromMinutes(4));
        await scene.Delivery.SendAsync("b@remote.test");
        Assert.Single(scene.Server.Requests);

        scene.Delivery.Time.Advance(TimeSpan.FromMinutes(2));
        await scene.Delivery.SendAsync("c@remote.test");
        Assert.Equal(2, scene.Server.Requests.Count);
    }

    private static async Task<(MailEventType Type, string? Policy)> OutcomeAsync(StsScene scene)
    {
        var happened = (await scene.Delivery.SendAsync("a@remote.test"))[0];
        return (happened.Type, happened.TlsPolicy);
    }

    private static ValueTask KeepAsync(StsScene scene, string id)
    {
        var now = scene.Delivery.Time.GetUtcNow();
        return scene.Delivery.Part<IStsPolicyStore>().KeepAsync(
            "remote.test",
            new KeptStsPolicy(id, "version: STSv1\nmode: enforce\nmx: mx.remote.test\nmax_age: 86400\n", now, now + TimeSpan.FromDays(1)),
            Cancellation);
    }
}
