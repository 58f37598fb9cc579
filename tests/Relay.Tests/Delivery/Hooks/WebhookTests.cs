using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Relay.Delivery.Routing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Routes;
using Relay.Mail.Signing;
using Relay.Smtp.Addresses;
using Relay.TestKit.Dns;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Hooks;

public sealed class WebhookTests
{
    private const string Raw = "From: Ann <ann@there.test>\r\nTo: help@help.shop.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        + "Message-ID: <1@there.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: application/pdf; name=bill.pdf\r\nContent-Disposition: attachment; filename=bill.pdf\r\n\r\n%PDF\r\n--b--\r\n";

    private static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(n => (byte)n)];

    [Fact]
    public async Task A_mail_is_posted_raw_and_parsed_and_signed()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");

        var message = await scene.Delivery.AcceptAsync(scene.Message());
        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal((MailEventType.Delivered, "hooks.shop.test", "HTTP 200"), (settled.Events[0].Type, settled.Events[0].Host, settled.Events[0].Reply));
        var request = Assert.Single(scene.Server.Requests);
        Assert.StartsWith("POST /mail?x=1 HTTP/1.1\r\n", request, StringComparison.Ordinal);
        var (head, body) = (request[..request.IndexOf("\r\n\r\n", StringComparison.Ordinal)], request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]);
        var stamp = Field(head, "webhook-timestamp");
        Assert.Equal(message.Id.ToString(), Field(head, "webhook-id"));
        Assert.Equal(scene.Delivery.Time.GetUtcNow().ToUnixTimeSeconds().ToString(), stamp);
        Assert.Equal($"v1,{Convert.ToBase64String(HMACSHA256.HashData(Secret, Encoding.Latin1.GetBytes($"{message.Id}.{stamp}.{body}")))}", Field(head, "webhook-signature"));

        var posted = JsonElement.Parse(body);
        var data = posted.GetProperty("data");
        Assert.Equal("mail.received", posted.GetProperty("type").GetString());
        Assert.Equal(("help.shop.test", "ann@there.test", "Grüße", "Hello"), (Text(data, "route"), Text(data, "sender"), Text(data, "subject"), Text(data, "text").Trim()));
        Assert.Equal(["help@help.shop.test"], data.GetProperty("recipients").EnumerateArray().Select(r => r.GetString()));
        Assert.Equal("bill.pdf", data.GetProperty("attachments")[0].GetProperty("filename").GetString());
        Assert.Equal("Received: from there\r\n" + Raw, Encoding.Latin1.GetString(data.GetProperty("raw").GetBytesFromBase64()));
    }

    [Fact]
    public async Task One_that_does_not_take_it_is_asked_again_with_the_same_id()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("no", status: "500 Internal Server Error");
        await scene.Delivery.AcceptAsync(scene.Message());
        var first = await scene.Delivery.SettledAsync();
        Assert.Equal((MailEventType.Deferred, "HTTP 500", "webhook.refused"), (first.Events[0].Type, first.Events[0].Reply, first.Events[0].Rule));

        scene.Server.Serve("{}");
        scene.Delivery.AdvanceTo(first);

        Assert.Equal(MailEventType.Delivered, (await scene.Delivery.SettledAsync(2)).Events[0].Type);
        Assert.Single(scene.Server.Requests.Select(request => Field(request, "webhook-id")).Distinct());
        Assert.Equal(0, scene.Delivery.Queue.Messages);
    }

    [Fact]
    public async Task One_that_has_all_of_it_and_does_not_answer_may_have_taken_it()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = "";
        await scene.Delivery.AcceptAsync(scene.Message());

        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal((MailEventType.Uncertain, "webhook.lost-after-post", "hooks.shop.test"), (settled.Events[0].Type, settled.Events[0].Rule, settled.Events[0].Host));
        Assert.NotNull(settled.DueAt);
        Assert.Single(scene.Server.Requests);
    }

    [Fact]
    public async Task It_is_noted_before_anything_is_posted_and_without_our_turn_nothing_is()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        var posted = new List<int>();
        scene.Delivery.Queue.DotsToRefuse = 1;
        scene.Delivery.Queue.BeforeDot = () => posted.Add(scene.Server.Requests.Count);

        await scene.Delivery.AcceptAsync(scene.Message());

        Assert.Equal(MailEventType.Delivered, (await scene.Delivery.SettledAsync()).Events[0].Type);
        Assert.Equal([0, 0], posted);
        Assert.Single(scene.Server.Requests);
    }

    [Fact]
    public async Task One_that_was_removed_gets_nothing_and_nobody_gets_a_report()
    {
        await using var scene = await Scene.StartAsync();
        await scene.Delivery.Part<IInboundRouteStore>().RemoveAsync("shop", "route_1", TestContext.Current.CancellationToken);

        await scene.Delivery.AcceptAsync(scene.Message());
        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal((MailEventType.Bounced, "webhook.removed"), (settled.Events[0].Type, settled.Events[0].Rule));
        Assert.Empty(settled.Reports);
        Assert.Empty(scene.Server.Requests);
    }

    [Fact]
    public async Task An_address_inside_is_not_posted_to()
    {
        await using var scene = await Scene.StartAsync(("Delivery:AllowPrivateDestinations", false));
        scene.Server.Serve("{}");

        await scene.Delivery.AcceptAsync(scene.Message());
        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal(MailEventType.Deferred, settled.Events[0].Type);
        Assert.Empty(scene.Server.Requests);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.1")]
    [InlineData("2130706433")]
    [InlineData("0x7f000001")]
    [InlineData("0177.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("[::ffff:127.0.0.1]")]
    [InlineData("[64:ff9b::7f00:1]")]
    [InlineData("169.254.169.254")]
    [InlineData("[fd00:ec2::254]")]
    [InlineData("inside.shop.test")]
    [InlineData("metadata.shop.test")]
    public async Task An_address_inside_is_not_posted_to_however_it_is_written(string host)
    {
        await using var scene = await Scene.StartAsync(("Delivery:AllowPrivateDestinations", false));
        scene.Dns.A("inside.shop.test", "10.0.0.1", "127.0.0.1").A("metadata.shop.test", "169.254.169.254");
        scene.Server.Serve("{}");
        await scene.AddRouteAsync("route_2", "desk.shop.test", host: host);

        await scene.Delivery.AcceptAsync(scene.Message() with { Webhook = "desk.shop.test" });
        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal((MailEventType.Deferred, "webhook.refused"), (settled.Events[0].Type, settled.Events[0].Rule));
        Assert.StartsWith("the webhook could not be reached: ", settled.Events[0].Reply, StringComparison.Ordinal);
        // A literal is asked for like a name, and there is none; what a name leads to is looked at.
        Assert.Equal(host.EndsWith(".shop.test", StringComparison.Ordinal), settled.Events[0].Reply!.Contains("address; mail goes there only over a route", StringComparison.Ordinal));
        Assert.Empty(scene.Server.Requests);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = $"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://hooks.shop.test:{scene.Server.Port}/inside\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

        await scene.Delivery.AcceptAsync(scene.Message());
        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal((MailEventType.Deferred, "HTTP 307"), (settled.Events[0].Type, settled.Events[0].Reply));
        Assert.DoesNotContain("/inside", Assert.Single(scene.Server.Requests), StringComparison.Ordinal);
    }

    /// <summary>A name that leads elsewhere between the look and the connection would get round the look.</summary>
    [Fact]
    public async Task The_address_that_was_looked_at_is_the_one_that_is_connected_to()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        // Good for no time at all: whoever asked twice would hear the second answer.
        scene.Dns.Ttl("hooks.shop.test", TimeSpan.Zero);

        await scene.Delivery.AcceptAsync(scene.Message());
        var settled = await scene.Delivery.SettledAsync();

        Assert.Equal(MailEventType.Delivered, settled.Events[0].Type);
        Assert.Single(scene.Dns.Questions, question => question is { Name: "hooks.shop.test", Type: 1 });
    }

    [Fact]
    public async Task One_that_never_takes_it_is_given_up()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("no", status: "503 Service Unavailable");
        await scene.Delivery.AcceptAsync(scene.Message() with { ExpiresAt = scene.Delivery.Time.GetUtcNow() + TimeSpan.FromMinutes(2) });

        var settled = await scene.Delivery.SettledAsync();
        for (var attempt = 2; settled.Next is not null; attempt++)
        {
            scene.Delivery.AdvanceTo(settled);
            settled = await scene.Delivery.SettledAsync(attempt);
        }

        Assert.Equal(MailEventType.Expired, settled.Events[^1].Type);
        Assert.True(scene.Server.Requests.Count > 1);
    }

    [Fact]
    public async Task What_is_no_mail_at_all_is_posted_raw()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");

        await scene.Delivery.AcceptAsync(scene.Message("\r\n\0\u00ff=?broken\r\n"));
        await scene.Delivery.SettledAsync();

        var request = Assert.Single(scene.Server.Requests);
        var data = JsonElement.Parse(request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]).GetProperty("data");
        Assert.EndsWith("\r\n\0\u00ff=?broken\r\n", Encoding.Latin1.GetString(data.GetProperty("raw").GetBytesFromBase64()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_program_that_hangs_keeps_the_mail_of_no_other_account_waiting()
    {
        await using var scene = await Scene.StartAsync();
        await scene.AddRouteAsync("route_2", "desk.other.test", account: "other");
        var gate = new TaskCompletionSource();
        scene.Server.Serve("{}").Gate = gate.Task;
        for (var n = 0; n < 20; n++)
        {
            await scene.Delivery.AcceptAsync(scene.Message());
        }

        await WaitUntil.TrueAsync(() => scene.Server.Requests.Count == 1);
        await scene.Delivery.AcceptAsync(scene.Message() with { Account = "other", Webhook = "desk.other.test" });

        await WaitUntil.TrueAsync(() => scene.Server.Requests.Count == 2);
        Assert.Contains("desk.other.test", scene.Server.Requests[1], StringComparison.Ordinal);
        gate.SetResult();
    }

    [Fact]
    public async Task Nobody_is_left_alone_for_more_than_an_hour()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2000000\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        await scene.Delivery.AcceptAsync(scene.Message());

        var settled = await scene.Delivery.SettledAsync();

        Assert.InRange(settled.DueAt!.Value - scene.Delivery.Time.GetUtcNow(), TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(90));
    }

    [Theory]
    [InlineData("429 Too Many Requests", "1200")]
    [InlineData("503 Service Unavailable", "1200")]
    [InlineData("503 Service Unavailable", "Sun, 01 Mar 2026 12:20:00 GMT")]
    [InlineData("429 Too Many Requests", "Sun, 01 Mar 2026 12:20:00 GMT")]
    public async Task One_that_says_when_it_wants_to_be_asked_again_is_asked_then(string status, string after)
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = $"HTTP/1.1 {status}\r\nRetry-After: {after}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        await scene.Delivery.AcceptAsync(scene.Message());

        var settled = await scene.Delivery.SettledAsync();

        Assert.InRange(settled.DueAt!.Value - scene.Delivery.Time.GetUtcNow(), TimeSpan.FromMinutes(20), TimeSpan.FromMinutes(23));
    }

    [Fact]
    public async Task A_time_that_is_over_already_is_no_wait()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: Sun, 01 Mar 2026 11:00:00 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        await scene.Delivery.AcceptAsync(scene.Message());

        var settled = await scene.Delivery.SettledAsync();

        Assert.InRange(settled.DueAt!.Value - scene.Delivery.Time.GetUtcNow(), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(35));
    }

    [Fact]
    public async Task A_route_made_anew_begins_anew()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("no", status: "500 Internal Server Error");
        await scene.Delivery.AcceptAsync(scene.Message());
        await scene.Delivery.SettledAsync();

        await scene.Delivery.Part<IInboundRouteStore>().RemoveAsync("shop", "route_1", TestContext.Current.CancellationToken);
        await scene.AddRouteAsync("route_2", "help.shop.test");
        scene.Server.Serve("{}");
        await scene.Delivery.AcceptAsync(scene.Message());

        Assert.Equal(MailEventType.Delivered, (await scene.Delivery.SettledAsync(2)).Events[0].Type);
    }

    private static string Field(string head, string name) =>
        head.Split("\r\n").Single(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))[(name.Length + 1)..].Trim();

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? "";

    private sealed class Scene : IAsyncDisposable
    {
        private readonly TestAuthority _authority = TestAuthority.Create();

        public ScriptedDns Dns { get; private set; } = null!;
        public PolicyServer Server { get; private set; } = null!;
        public DeliveryUnderTest Delivery { get; private set; } = null!;

        public static async Task<Scene> StartAsync(params (string, object)[] settings)
        {
            var scene = new Scene();
            scene.Server = PolicyServer.Start(scene._authority.For("hooks.shop.test"));
            scene.Dns = ScriptedDns.Start().A("hooks.shop.test", "127.0.0.1");
            scene.Delivery = await DeliveryUnderTest.StartWithDnsAsync(scene.Dns, 25, settings);
            scene.Delivery.Part<CheckedHttp>().Trust(scene._authority.Policy);
            await scene.AddRouteAsync("route_1", "help.shop.test");
            return scene;
        }

        public async Task AddRouteAsync(string id, string match, string account = "shop", string host = "hooks.shop.test")
        {
            var route = new InboundRoute
            {
                Id = id,
                Account = account,
                Match = match,
                Webhook = new Uri($"https://{host}:{Server.Port}/mail?x=1"),
                CreatedAt = Delivery.Time.GetUtcNow(),
                By = "key_1",
            };
            await Delivery.Part<IInboundRouteStore>().TryAddAsync(
                route with { Secret = Delivery.Part<KeySeal>().Seal(Secret, route.SecretPlace) }, TestContext.Current.CancellationToken);
        }

        public Message Message(string raw = Raw)
        {
            var head = Encoding.Latin1.GetBytes(raw);
            return new Message
            {
                Id = MessageId.Create(Delivery.Time),
                Account = "shop",
                Credential = "route_1",
                Source = MessageSource.Inbound,
                Webhook = "help.shop.test",
                Envelope = new Envelope
                {
                    Sender = EnvelopeAddress.Parse("ann@there.test"),
                    Recipients = [new Recipient { Address = EnvelopeAddress.Parse("help@help.shop.test") }],
                },
                Content = new MessageContent { Prologue = "Received: from there\r\n"u8.ToArray(), Head = head, Length = 22 + head.Length },
                AcceptedAt = Delivery.Time.GetUtcNow(),
            };
        }

        public async ValueTask DisposeAsync()
        {
            await Delivery.DisposeAsync();
            await Server.DisposeAsync();
            await Dns.DisposeAsync();
            _authority.Dispose();
        }
    }
}
