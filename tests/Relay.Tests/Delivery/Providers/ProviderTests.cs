using Microsoft.Extensions.Options;
using Relay.Delivery.Providers;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Sites;
using Relay.Smtp.Addresses;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Providers;

/// <summary>Limits and patience of receivers, with real couriers and connections.</summary>
public sealed class ProviderTests
{
    [Fact]
    public async Task A_receiver_that_takes_few_connections_gets_all_mail_over_them_and_nobody_is_told_off()
    {
        await using var remote = StartThatTakesThreeConnections("421 4.7.0 Too many connections");
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);

        // Fewer than would make a connection end by itself: the server counts one until it is closed.
        for (var i = 0; i < 90; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await delivery.SettledAsync(90);
        Assert.All(delivery.Queue.Settlements, s => Assert.Equal(MailEventType.Delivered, s.Events[0].Type));
        Assert.InRange(remote.Sessions.Count, 3, 20);
    }

    [Fact]
    public async Task One_that_names_a_time_when_it_has_enough_connections_gets_no_more_before_it()
    {
        await using var remote = StartThatTakesThreeConnections("421 4.7.0 Too many connections, try again in 10 minutes");
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        for (var i = 0; i < 90; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await delivery.SettledAsync(90);

        Assert.All(delivery.Queue.Settlements, s => Assert.Equal(MailEventType.Delivered, s.Events[0].Type));
        var status = Assert.Single(delivery.Part<ISiteReader>().List());
        Assert.Equal((false, new DateTimeOffset(2026, 3, 1, 12, 10, 0, TimeSpan.Zero)), (status.IsResting, status.Until));
        Assert.Contains("Too many connections", status.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_asks_for_a_pause_is_left_alone_as_a_whole_and_then_one_connection_asks()
    {
        var isBusy = true;
        var script = new RemoteScript().On(RemoteStage.Mail, _ => isBusy ? RemoteAnswer.Say("421 4.7.0 Server busy, try again in 5 minutes").ThenClose() : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        for (var i = 0; i < 100; i++)
        {
            await delivery.AcceptAsync($"a{i}@remote.test");
        }

        await WaitUntil.TrueAsync(() =>
        {
            // A connection that was made beside the first one and has nothing to carry is closed by the clock, after half a minute.
            delivery.Time.Advance(TimeSpan.FromMilliseconds(100));
            return delivery.Queue.Settlements.Count >= 1 && delivery.Window.Held == 0 && delivery.Sites.Count == 0;
        });
        var told = remote.Sessions.Count;
        Assert.InRange(told, 1, 3);

        delivery.Time.Advance(TimeSpan.FromMinutes(4));
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);
        Assert.Equal(told, remote.Sessions.Count);

        isBusy = false;
        await WaitUntil.TrueAsync(() =>
        {
            // Slow enough that no connection is taken for dead while it answers.
            delivery.Time.Advance(TimeSpan.FromMilliseconds(500));
            return remote.Messages.Count == 100;
        });
    }

    [Fact]
    public async Task While_it_is_left_alone_its_mail_says_so()
    {
        var script = new RemoteScript().On(RemoteStage.Mail, "450 4.7.1 Rate limit exceeded, try again in 10 minutes");
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.SendAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => delivery.Window.Held == 0);

        var waits = delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "default", default));

        Assert.Contains("left alone until 12:10:00 UTC", waits, StringComparison.Ordinal);
        Assert.EndsWith("since it answered 450 4.7.1 (text.throttled)", waits, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("450 4.7.1 <ada@remote.test>: rate limit for shop.test exceeded, try again in 10 minutes", "site.left-alone")]
    [InlineData("550 5.7.1 Mail of shop.test for ada@remote.test refused: your IP address is on a block list", "domain.left-alone")]
    public async Task What_one_account_was_told_of_its_mail_no_other_reads(string told, string rule)
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, told));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        Assert.Equal(told, (await delivery.SendAsync("ada@remote.test"))[0].Reply);
        await WaitUntil.TrueAsync(() => delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "other", default)) is not null);

        await delivery.AcceptAsync(A.Message(delivery.Time, "b@remote.test") with { Account = "other" });
        delivery.Time.Advance(TimeSpan.FromSeconds(1));
        var others = Assert.Single((await delivery.SettledAsync(2)).Events);

        var waiting = delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("remote.test", "other", default));
        Assert.Equal(("b@remote.test", rule), (others.Recipient, others.Rule));
        Assert.All([others.Reply, waiting], words => Assert.EndsWith($"since it answered {told[..9]} ({delivery.Queue.Settlements[0].Events[0].Rule})", words, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_thought_of_one_senders_domain_ends_its_mail_and_holds_up_nobody_elses()
    {
        var script = new RemoteScript().On(RemoteStage.Mail, m => m.Line.Contains("@spam.test", StringComparison.Ordinal)
            ? RemoteAnswer.Say("550-5.7.1 Our system has detected that this message is likely suspicious due to the\r\n550 5.7.1 very low reputation of the sending domain.") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        var message = A.Message(delivery.Time, "a@remote.test");

        var bounced = Assert.Single(await delivery.SendAsync(message with { Account = "spam", Envelope = message.Envelope with { Sender = EnvelopeAddress.Parse("a@spam.test") } }));
        var delivered = Assert.Single(await delivery.SendAsync(A.Message(delivery.Time, "b@remote.test") with { Account = "other" }));

        Assert.Equal((MailEventType.Bounced, "google.sender-unsolicited"), (bounced.Type, bounced.Rule));
        Assert.Equal((MailEventType.Delivered, 1), (delivered.Type, delivered.Attempt));
        Assert.Contains(delivery.Log, line => line.Contains("does not mend itself", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Mail_for_a_domain_that_is_new_while_its_provider_is_left_alone_says_so_too()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Mail, "450 4.7.1 Rate limit exceeded, try again in 10 minutes"));
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider hoster\n  mx hoster.test\n  connections 2 By agreement.\n");
        foreach (var tenant in (string[])["old", "new"])
        {
            dns.Mx($"{tenant}.test", (10, $"{tenant}.hoster.test")).A($"{tenant}.hoster.test", "127.0.0.1");
        }

        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", rules.Path));
        await delivery.SendAsync("a@old.test");
        for (var i = 0; i < 100; i++)
        {
            await delivery.AcceptAsync($"b{i}@new.test");
        }

        await delivery.SettledAsync(2);
        await WaitUntil.TrueAsync(() =>
        {
            delivery.Time.Advance(TimeSpan.FromSeconds(1));
            return delivery.Queue.Settlements.Count >= 101;
        });

        Assert.True(delivery.Time.GetUtcNow() < new DateTimeOffset(2026, 3, 1, 12, 9, 0, TimeSpan.Zero));
        Assert.All(delivery.Queue.Settlements.Skip(1), s => Assert.Contains("left alone until 12:10:00 UTC", s.Events[0].Reply, StringComparison.Ordinal));
        Assert.Single(remote.Sessions);
    }

    [Fact]
    public async Task What_was_under_way_when_a_pause_was_asked_for_does_not_end_it()
    {
        var go = new TaskCompletionSource();
        var script = new RemoteScript()
            .On(RemoteStage.Mail, m => m.Line.Contains("second", StringComparison.Ordinal) ? RemoteAnswer.Say("450 4.7.1 Rate limit exceeded, try again in 10 minutes") : null)
            .On(RemoteStage.EndOfData, m => m.Session.Number == 1 ? RemoteAnswer.Say("250 Ok").After(go.Task) : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        await delivery.AcceptAsync("a@remote.test");
        await WaitUntil.TrueAsync(() => remote.Sessions is [{ Commands.Count: > 3 }]);
        var second = A.Message(delivery.Time, "b@remote.test");
        await delivery.AcceptAsync(second with { Envelope = second.Envelope with { Sender = EnvelopeAddress.Parse("second@shop.test") } });
        await delivery.SettledAsync();

        go.SetResult();
        await delivery.SettledAsync(2);

        Assert.Equal(MailEventType.Delivered, delivery.Queue.Settlements[1].Events[0].Type);
        Assert.NotNull(Assert.Single(delivery.Part<ProviderDirectory>().All).Excuse);
    }

    [Fact]
    public async Task A_tenant_that_blocks_us_is_left_alone_by_itself_and_the_others_of_its_hosts_get_their_mail()
    {
        var blocks = true;
        var script = new RemoteScript().On(
            RemoteStage.Rcpt, m => blocks && m.Line.Contains("@strict.test", StringComparison.Ordinal) ? RemoteAnswer.Say("550 5.7.1 Your IP address is on a block list") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 2));
        await delivery.SendAsync("a@strict.test");
        for (var i = 0; i < 20; i++)
        {
            await delivery.AcceptAsync($"a{i}@strict.test");
            await delivery.AcceptAsync($"a{i}@kind.test");
        }

        await delivery.SettledAsync(41);

        var events = delivery.Queue.Settlements.SelectMany(s => s.Events).ToLookup(e => e.Recipient!.Split('@')[1]);
        Assert.All(events["kind.test"], e => Assert.Equal(MailEventType.Delivered, e.Type));
        Assert.Equal("domain.left-alone", events["strict.test"].Last().Rule);
        Assert.EndsWith("since it answered 550 5.7.1 (text.blocked)", events["strict.test"].Last().Reply, StringComparison.Ordinal);

        // The one that was told, and whatever was in the other courier's hands.
        Assert.InRange(remote.Sessions.Sum(s => s.Commands.Count(c => c.Contains("@strict.test", StringComparison.Ordinal))), 1, 3);
        Assert.Contains("strict.test is left alone", delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("strict.test", "default", default)), StringComparison.Ordinal);
        Assert.Null(delivery.Part<IDeliveryDesk>().WhyNotNow(new Lane("kind.test", "default", default)));

        blocks = false;
        delivery.Part<IDeliveryDesk>().TryAgain("strict.test");
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("b@strict.test"))[0].Type);
    }

    [Fact]
    public async Task A_receiver_whose_domains_all_block_us_is_left_alone_as_a_whole()
    {
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Rcpt, "550 5.7.1 Your IP address is on a block list"));
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote, ("Delivery:ConnectionsPerSite", 1));
        var provider = new Func<Provider>(() => Assert.Single(delivery.Part<ProviderDirectory>().All));
        foreach (var domain in (string[])["one.test", "two.test"])
        {
            await delivery.SendAsync($"a@{domain}");
            Assert.Null(provider().Excuse);
        }

        for (var i = 3; provider().Excuse is null; i++)
        {
            Assert.InRange(i, 3, 5);
            await delivery.SendAsync($"a@domain{i}.test");
        }

        Assert.EndsWith("since it answered 550 5.7.1 (text.blocked)", provider().Excuse!.Words, StringComparison.Ordinal);
        Assert.Contains("on a block list", Assert.Single(delivery.Part<ISiteReader>().List()).Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Greylisting_slows_nobody()
    {
        var script = new RemoteScript().On(RemoteStage.Rcpt, m => m.Line.Contains("<new", StringComparison.Ordinal) ? RemoteAnswer.Say("450 4.2.0 Greylisted, try again in 300 seconds") : null);
        await using var remote = ScriptedSmtpServer.Start(script);
        await using var delivery = await DeliveryUnderTest.StartWithRouteAsync(remote);
        for (var i = 0; i < 40; i++)
        {
            await delivery.AcceptAsync($"new{i}@remote.test");
        }

        await delivery.SettledAsync(40);
        Assert.All(delivery.Queue.Settlements, s => Assert.Equal("text.greylisted", s.Events[0].Rule));
        Assert.Null(Assert.Single(delivery.Part<ProviderDirectory>().All).Excuse);
        Assert.Equal(MailEventType.Delivered, (await delivery.SendAsync("old@remote.test"))[0].Type);
    }

    [Fact]
    public async Task No_more_messages_leave_than_the_rate_allows()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider slow\n  mx slow.test\n  rate 6/1m By agreement.\n");
        dns.Mx("a.test", (10, "mx.slow.test")).A("mx.slow.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", rules.Path));
        for (var i = 0; i < 20; i++)
        {
            await delivery.AcceptAsync($"a{i}@a.test");
        }

        await remote.WaitForMessagesAsync(1, TestContext.Current.CancellationToken);
        for (var sent = 2; sent <= 6; sent++)
        {
            await WaitUntil.TrueAsync(() => delivery.Queue.Settlements.Count == sent - 1);
            Assert.Equal(sent - 1, remote.Messages.Count);
            delivery.Time.Advance(TimeSpan.FromSeconds(10));
            await remote.WaitForMessagesAsync(sent, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Changed_rules_are_taken_up_and_those_with_a_mistake_change_nothing()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider partner\n  mx partner.test\n  connections 3 By agreement.\n");
        dns.Mx("a.test", (10, "mx.partner.test")).A("mx.partner.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", rules.Path));
        await delivery.SendAsync("a@a.test");
        var provider = Assert.Single(delivery.Part<ProviderDirectory>().All);
        Assert.Equal(("partner", 3), (provider.Name, provider.Ceilings.Connections));

        rules.Write("provider partner\n  mx partner.test\n  connections 7 By a better one.\n");
        delivery.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(7, provider.Ceilings.Connections);

        rules.Write("provider partner\n  connections lots\n");
        delivery.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(7, provider.Ceilings.Connections);
        Assert.Contains(delivery.Log, line => line.Contains("line 2", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rules_behind_a_link_are_taken_up_when_it_leads_elsewhere(bool isOfFolder)
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var dns = ScriptedDns.Start();
        var folder = Directory.CreateTempSubdirectory("relay-rules-").FullName;
        try
        {
            // As Kubernetes brings a ConfigMap: the file leads into a folder that leads to the newest one.
            foreach (var (version, connections) in new[] { ("one", 3), ("two", 7) })
            {
                Directory.CreateDirectory(Path.Combine(folder, version));
                await File.WriteAllTextAsync(Path.Combine(folder, version, "rules.txt"), $"provider partner\n  mx partner.test\n  connections {connections} By agreement.\n", TestContext.Current.CancellationToken);
            }

            File.SetLastWriteTimeUtc(Path.Combine(folder, "one", "rules.txt"), DateTime.UtcNow.AddHours(-1));
            var path = Path.Combine(folder, "rules.txt");
            Turn("one");
            if (isOfFolder)
            {
                File.CreateSymbolicLink(path, Path.Combine("..data", "rules.txt"));
            }

            dns.Mx("a.test", (10, "mx.partner.test")).A("mx.partner.test", "127.0.0.1");
            await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", path));
            await delivery.SendAsync("a@a.test");
            var provider = Assert.Single(delivery.Part<ProviderDirectory>().All);
            Assert.Equal(3, provider.Ceilings.Connections);

            Turn("two");
            delivery.Time.Advance(TimeSpan.FromSeconds(5));
            Assert.Equal(7, provider.Ceilings.Connections);

            // One that is gone changes nothing, and is told once.
            File.Delete(path);
            delivery.Time.Advance(TimeSpan.FromSeconds(5));
            delivery.Time.Advance(TimeSpan.FromSeconds(5));
            Assert.Equal(7, provider.Ceilings.Connections);
            Assert.Single(delivery.Log, line => line.StartsWith("Error", StringComparison.Ordinal));

            void Turn(string version)
            {
                var (link, target) = isOfFolder ? (Path.Combine(folder, "..data"), version) : (path, Path.Combine(version, "rules.txt"));
                File.Delete(link);
                File.CreateSymbolicLink(link, target);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_site_that_a_new_rule_names_moves_to_its_provider_with_its_mail()
    {
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider partner\n  mx partner.test\n  connections 3 By agreement.\n");
        dns.Mx("a.test", (10, "mx.other.test")).A("mx.other.test", "127.0.0.1");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", rules.Path));
        for (var i = 0; i < 20; i++)
        {
            await delivery.AcceptAsync($"a{i}@a.test");
        }

        await remote.WaitForSessionsAsync(2, TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() => delivery.Window.Held > 2);
        rules.Write("provider partner\n  mx partner.test\n  mx other.test\n  connections 1 By a worse one.\n");
        delivery.Time.Advance(TimeSpan.FromSeconds(5));
        go.SetResult();
        await delivery.SettledAsync(20);

        Assert.All(delivery.Queue.Settlements, s => Assert.Equal(MailEventType.Delivered, s.Events[0].Type));
        await WaitUntil.TrueAsync(() => delivery.Part<ProviderDirectory>().All is [{ Name: "partner", Ceilings.Connections: 1 }]);
    }

    [Fact]
    public async Task A_mistake_in_the_rules_stops_the_start()
    {
        using var rules = new RulesFile("provider partner\n  connections lots Why.\n");

        var failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => DeliveryUnderTest.StartAsync(("Delivery:ProviderRules", rules.Path)));

        Assert.Contains("line 2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tenants_with_exchangers_of_their_own_share_the_connections_of_their_provider()
    {
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.EndOfData, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider hoster\n  mx hoster.test\n  connections 2 By agreement.\n");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", rules.Path));
        for (var i = 0; i < 10; i++)
        {
            dns.Mx($"tenant{i}.test", (10, $"tenant{i}.hoster.test")).A($"tenant{i}.hoster.test", "127.0.0.1");
            await delivery.AcceptAsync($"a@tenant{i}.test");
        }

        await WaitUntil.TrueAsync(() => delivery.Window.Held >= 2 && remote.Sessions.Count == 2);
        go.SetResult();
        await delivery.SettledAsync(10);

        Assert.Equal(10, remote.Messages.Count);
        Assert.Equal("hoster", Assert.Single(delivery.Part<ProviderDirectory>().All).Name);
        Assert.Equal(2, remote.MostOpen);
    }

    [Fact]
    public async Task A_sender_with_many_domains_at_a_provider_leaves_a_sender_with_one_its_turn()
    {
        const int Many = 300;
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider hoster\n  mx hoster.test\n  connections 2 By agreement.\n");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(dns, remote.Port, ("Delivery:ProviderRules", rules.Path));
        for (var i = 0; i < Many; i++)
        {
            dns.Mx($"tenant{i}.test", (10, $"tenant{i}.hoster.test")).A($"tenant{i}.hoster.test", "127.0.0.1");
            await delivery.AcceptAsync(A.Message(delivery.Time, $"a@tenant{i}.test") with { Account = "many" });
        }

        await remote.WaitForSessionsAsync(2, TestContext.Current.CancellationToken);
        await WaitUntil.TrueAsync(() => delivery.Window.Held == Many);

        // Once its way is known it waits for room with all others in the queue, which knows no turns here.
        var known = new TaskCompletionSource();
        dns.Mx("single.test", (10, "single.hoster.test")).A("single.hoster.test", "127.0.0.1").Delay("single.test", known.Task);
        for (var i = 0; i < 20; i++)
        {
            await delivery.AcceptAsync(A.Message(delivery.Time, $"b{i}@single.test") with { Account = "one" });
        }

        await WaitUntil.TrueAsync(() => delivery.Window.Held == Many + 20);
        known.SetResult();
        await WaitUntil.TrueAsync(() => delivery.Part<ISiteReader>().List() is [{ Waiting: Many + 20 - 2 }]);
        go.SetResult();
        await delivery.SettledAsync(Many + 20);

        // Two were under way before; then each sender has every other place, and a place carries twenty messages of one domain.
        var last = remote.Messages.Select((m, i) => (m.RcptTo[0], Index: i)).Last(m => m.Item1.Contains("single.test", StringComparison.Ordinal)).Index;
        Assert.InRange(last, 0, 100);
    }

    [Fact]
    public async Task Transactional_mail_goes_before_bulk_over_all_sites_of_a_provider_and_bulk_still_moves()
    {
        const int Sites = 40;
        var go = new TaskCompletionSource();
        await using var remote = ScriptedSmtpServer.Start(new RemoteScript().On(RemoteStage.Mail, RemoteAnswer.Say("250 Ok").After(go.Task)));
        await using var dns = ScriptedDns.Start();
        using var rules = new RulesFile("provider hoster\n  mx hoster.test\n  connections 1 By agreement.\n");
        await using var delivery = await DeliveryUnderTest.StartWithDnsAsync(
            dns, remote.Port, ("Delivery:ProviderRules", rules.Path), ("Delivery:Window:UnitsPerConnection", 100));
        for (var i = 0; i < 2 * Sites; i++)
        {
            dns.Mx($"tenant{i}.test", (10, $"tenant{i}.hoster.test")).A($"tenant{i}.hoster.test", "127.0.0.1");
            await delivery.AcceptAsync(A.Message(delivery.Time, $"{(i < Sites ? "bulk" : "reset")}@tenant{i}.test") with
            {
                Class = i < Sites ? MessageClass.Bulk : MessageClass.Transactional,
            });
        }

        await WaitUntil.TrueAsync(() => delivery.Window.Held == 2 * Sites);
        go.SetResult();
        await delivery.SettledAsync(2 * Sites);

        // All wait together; one of eight turns is bulk's.
        var order = remote.Messages.Select(m => m.RcptTo[0].Contains("bulk@", StringComparison.Ordinal)).ToList();
        Assert.InRange(order.Take(Sites).Count(isBulk => isBulk), Sites / 8 - 2, Sites / 4);
    }

    // All of the mail might go over the first connection, were it answered before others are open.
    private static ScriptedSmtpServer StartThatTakesThreeConnections(string refusal)
    {
        ScriptedSmtpServer? itself = null;
        var refused = new TaskCompletionSource();
        return itself = ScriptedSmtpServer.Start(new RemoteScript()
            .On(RemoteStage.Mail, _ => itself!.Messages.Count < 30 ? null : RemoteAnswer.Say("250 2.1.0 Ok").After(refused.Task))
            .On(RemoteStage.Greeting, _ =>
            {
                if (itself!.OpenSessions <= 3)
                {
                    return null;
                }

                refused.TrySetResult();
                return RemoteAnswer.Say(refusal).ThenClose();
            }));
    }
}
