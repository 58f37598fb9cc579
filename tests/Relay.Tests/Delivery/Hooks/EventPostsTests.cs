using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Relay.Delivery.Hooks;
using Relay.Delivery.Routing;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.Mail.Webhooks;
using Relay.TestKit.Dns;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery.Hooks;

public sealed class EventPostsTests
{
    private static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(n => (byte)n)];
    private static readonly byte[] Former = [.. Enumerable.Range(100, 32).Select(n => (byte)n)];

    [Fact]
    public async Task An_event_is_posted_as_the_timeline_has_it_with_what_is_known_of_its_message()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        var message = MessageId.Create(scene.Time);

        scene.Happen(message, MailEventType.Accepted);
        scene.Happen(message, MailEventType.Bounced, e => e with { Recipient = "a@x.test", Host = "mx.x.test", Reply = "550 5.1.1 no such user", Rule = "google.no-such-user", Attempt = 1 });
        await scene.PostedAsync(2);

        var posts = scene.Posts;
        Assert.Equal(["accepted", "bounced"], posts.Select(post => post.Body.GetProperty("type").GetString()));
        Assert.Equal(scene.Time.GetUtcNow(), posts[1].Body.GetProperty("timestamp").GetDateTimeOffset());
        var data = posts[1].Body.GetProperty("data");
        Assert.Equal((message.ToString(), "a@x.test", "mx.x.test"), (Text(data, "id"), Text(data, "recipient"), Text(data, "host")));
        Assert.Equal(("550 5.1.1 no such user", "google.no-such-user", "live"), (Text(data, "reply"), Text(data, "rule"), Text(data, "mode")));
        Assert.Equal(("1@shop.test", "Hello", "order"), (Text(data, "messageId"), Text(data, "subject"), data.GetProperty("tags")[0].GetString()));
        Assert.Equal("42", Text(data.GetProperty("metadata"), "order"));
        Assert.False(data.TryGetProperty("recipients", out _));
        Assert.Equal("a@x.test", posts[0].Body.GetProperty("data").GetProperty("recipients")[0].GetString());
    }

    /// <summary>Verifies as the specification tells a receiver to, with nothing of ours.</summary>
    [Fact]
    public async Task Whoever_follows_the_specification_finds_the_signature_good_and_a_changed_body_bad()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await scene.PostedAsync(1);

        var post = scene.Posts.Single();
        var secret = $"whsec_{Convert.ToBase64String(Secret)}";
        Assert.True(StandardWebhooks.Verify(secret, post.Head, post.Raw, scene.Time.GetUtcNow()));
        Assert.False(StandardWebhooks.Verify(secret, post.Head, post.Raw.Replace("accepted", "bounced!", StringComparison.Ordinal), scene.Time.GetUtcNow()));
        Assert.False(StandardWebhooks.Verify(secret, post.Head, post.Raw, scene.Time.GetUtcNow() + TimeSpan.FromMinutes(6)));
        Assert.False(StandardWebhooks.Verify($"whsec_{Convert.ToBase64String(Former)}", post.Head, post.Raw, scene.Time.GetUtcNow()));
        Assert.Single(Field(post.Head, "webhook-signature").Split(' '));
    }

    [Fact]
    public async Task After_a_change_of_the_secret_both_sign_until_the_day_is_over()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        scene.Lanes.Change(scene.Webhook with { FormerSecret = scene.Seal(Former), FormerUntil = scene.Time.GetUtcNow() + TimeSpan.FromDays(1) });

        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await scene.PostedAsync(1);
        await scene.RestAsync();
        scene.Time.Advance(TimeSpan.FromDays(1));
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await scene.PostedAsync(2);

        var good = scene.Posts.Select(post => new[] { Secret, Former }.Count(secret =>
            StandardWebhooks.Verify($"whsec_{Convert.ToBase64String(secret)}", post.Head, post.Raw, DateTimeOffset.FromUnixTimeSeconds(long.Parse(Field(post.Head, "webhook-timestamp"), CultureInfo.InvariantCulture)))));
        Assert.Equal([2, 1], good);
    }

    [Fact]
    public async Task What_is_not_taken_comes_again_with_its_id_and_holds_back_what_happened_to_the_same_message()
    {
        await using var scene = await Scene.StartAsync();
        var (stuck, other) = (MessageId.Create(scene.Time), MessageId.Create(scene.Time));
        scene.Server.Serve("no", status: "500 Internal Server Error");
        scene.Happen(stuck, MailEventType.Accepted);
        await scene.PostedAsync(1);
        await scene.RestAsync();
        scene.Server.Serve("{}");
        scene.Happen(stuck, MailEventType.Delivered);
        scene.Happen(other, MailEventType.Accepted);
        await scene.PostedAsync(2);
        Assert.Equal(other.ToString(), Text(scene.Posts[1].Body.GetProperty("data"), "id"));
        await WaitUntil.TrueAsync(() => scene.Lanes.Waiting(scene.Webhook) == 1);

        await scene.PassAsync(() => scene.Posts.Count == 4, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(40));

        Assert.Equal(["accepted", "accepted", "accepted", "delivered"], scene.Posts.Select(post => Text(post.Body, "type")));
        Assert.Equal(Field(scene.Posts[0].Head, "webhook-id"), Field(scene.Posts[2].Head, "webhook-id"));
        Assert.Equal(3, scene.Posts.Select(post => Field(post.Head, "webhook-id")).Distinct().Count());
    }

    [Fact]
    public async Task A_program_that_is_down_is_tried_with_one_post_at_a_time_and_gets_all_in_order_when_it_is_back()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("no", status: "502 Bad Gateway");
        var messages = Enumerable.Range(0, 40).Select(_ => MessageId.Create(scene.Time)).ToList();
        foreach (var message in messages)
        {
            scene.Happen(message, MailEventType.Accepted);
            scene.Happen(message, MailEventType.Delivered);
        }

        // So many as may be out at once are, before the first of them has failed; from then on one in each rest.
        await scene.PassAsync(() => scene.Delivery.Log.Any(line => line.Contains("fails, and is left alone", StringComparison.Ordinal)), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(5));
        await WaitUntil.TrueAsync(() => scene.Lanes.IsQuiet);
        scene.Lanes.MostRead = 0;
        await scene.PassAsync(() => scene.Time.GetUtcNow() >= scene.Start + TimeSpan.FromHours(1), TimeSpan.FromSeconds(15), TimeSpan.FromHours(1));
        Assert.Equal(1, scene.Lanes.MostRead);
        Assert.InRange(scene.Posts.Count, 5, 16 + 30);
        Assert.Equal(40, scene.Lanes.Waiting(scene.Webhook));
        Assert.Contains(scene.Delivery.Log, line => line.Contains("fails, and is left alone", StringComparison.Ordinal));

        scene.Server.Serve("{}");
        var failed = scene.Posts.Count;
        await scene.PassAsync(() => scene.Lanes.Waiting(scene.Webhook) == 0, TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(10));

        var taken = scene.Posts.Skip(failed).ToList();
        Assert.Equal(80, taken.Count);
        Assert.All(messages, message => Assert.Equal(
            ["accepted", "delivered"], taken.Where(post => Text(post.Body.GetProperty("data"), "id") == message.ToString()).Select(post => Text(post.Body, "type"))));
        Assert.Contains(scene.Delivery.Log, line => line.Contains("takes events again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_never_taken_is_given_up_after_three_days_and_said()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("no", status: "500 Internal Server Error");
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);

        await scene.PassAsync(() => scene.Lanes.GivenUp == 2, TimeSpan.FromHours(1), TimeSpan.FromHours(80));

        Assert.InRange(scene.Time.GetUtcNow() - scene.Start, TimeSpan.FromHours(66), TimeSpan.FromHours(78));
        Assert.Equal(0, scene.Lanes.Waiting(scene.Webhook));
        Assert.Contains(scene.Delivery.Log, line => line.Contains("are given up", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_that_says_when_it_wants_to_be_asked_again_is_asked_then()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1200\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await scene.PostedAsync(1);
        await scene.RestAsync();
        scene.Server.Serve("{}");
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);

        await scene.PassAsync(() => scene.Posts.Count > 1, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(25));

        Assert.InRange(scene.Time.GetUtcNow() - scene.Start, TimeSpan.FromMinutes(19), TimeSpan.FromMinutes(24));
    }

    [Fact]
    public async Task One_that_hangs_keeps_no_other_webhook_waiting()
    {
        await using var scene = await Scene.StartAsync();
        var gate = new TaskCompletionSource();
        scene.Server.Serve("{}").Gate = gate.Task;
        await using var second = PolicyServer.Start(scene.Authority.For("other.shop.test"));
        second.Serve("{}");
        scene.Dns.A("other.shop.test", "127.0.0.1");
        var other = scene.Add("hook_2", $"https://other.shop.test:{second.Port}/");

        // As many are read together as may be posted at a time: those that hang keep back the rest of their webhook.
        scene.Lanes.AtOnce(() =>
        {
            for (var n = 0; n < 100; n++)
            {
                scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
            }
        });

        await WaitUntil.TrueAsync(() => scene.Lanes.Waiting(other) == 0);
        Assert.Equal(100, second.Requests.Count);
        await WaitUntil.TrueAsync(() => scene.Server.Requests.Count >= 16);
        Assert.Equal(16, scene.Server.Requests.Count);
        gate.SetResult();
        await WaitUntil.TrueAsync(() => scene.Lanes.Waiting(scene.Webhook) == 0);
    }

    /// <summary>What waits may be large: an event that was accepted with all the metadata it may have is some 100 KB.</summary>
    [Fact]
    public async Task Of_one_that_hangs_no_more_is_read_than_its_share_however_many_lanes_it_has()
    {
        await using var scene = await Scene.StartAsync();
        var gate = new TaskCompletionSource();
        scene.Server.Serve("{}").Gate = gate.Task;
        var webhook = scene.Add("hook_2", $"https://hooks.shop.test:{scene.Server.Port}/large", partitions: 12, account: "large");

        // Two of them go into what may be read of a lane, and four of its lanes are read at a time.
        scene.Lanes.AtOnce(() =>
        {
            for (var slot = 0; slot < 12; slot++)
            {
                for (var n = 0; n < 5; n++)
                {
                    scene.Happen(MessageId.Create(scene.Time, slot), MailEventType.Accepted, e => e with
                    {
                        Account = "large",
                        Summary = e.Summary! with { Metadata = new Dictionary<string, string> { ["a"] = new('x', 100_000) } },
                    });
                }
            }
        });
        await scene.PostedAsync(8);

        // While others are posted to, nothing more of it is read.
        scene.Server.Gate = Task.CompletedTask;
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await WaitUntil.TrueAsync(() => scene.Lanes.Waiting(scene.Webhook) == 0 && scene.Lanes.InHand == 8);
        Assert.Equal(9, scene.Server.Requests.Count);

        gate.SetResult();
        await WaitUntil.TrueAsync(() => scene.Lanes.Waiting(webhook) == 0);
        Assert.Equal(60 + 1, scene.Server.Requests.Count);
    }

    [Fact]
    public async Task One_that_leads_elsewhere_now_is_posted_to_at_once()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("no", status: "500 Internal Server Error");
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await scene.PostedAsync(2);
        await WaitUntil.TrueAsync(() => scene.Delivery.Log.Any(line => line.Contains("fails, and is left alone", StringComparison.Ordinal)));

        // It is said before the lane is given back, which lets it rest whoever changes it meanwhile.
        await WaitUntil.TrueAsync(() => scene.Lanes.IsQuiet);
        scene.Server.Serve("{}");
        scene.Lanes.Change(scene.Webhook with { Url = new Uri(scene.Webhook.Url, "/new") });
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);

        await scene.PostedAsync(3);
        Assert.StartsWith("POST /new ", scene.Server.Requests[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_of_which_nothing_is_kept_any_more_stop_none_behind_them()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        scene.Lanes.IsOurs = false;
        var messages = Enumerable.Range(0, 65).Select(_ => MessageId.Create(scene.Time)).Order().ToList();
        messages.ForEach(message => scene.Happen(message, MailEventType.Accepted));
        messages[..64].ForEach(scene.Lanes.Forget);

        // Nobody has what was read before.
        await WaitUntil.TrueAsync(() => scene.Lanes.IsQuiet);
        scene.Lanes.IsOurs = true;

        await scene.PassAsync(() => scene.Lanes.Waiting(scene.Webhook) == 0, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));

        Assert.Equal(messages[64].ToString(), Text(Assert.Single(scene.Posts).Body.GetProperty("data"), "id"));
    }

    [Fact]
    public async Task One_event_that_cannot_be_posted_sends_nothing_again_that_was_taken_before_it()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        var (broken, other) = (MessageId.Create(scene.Time), MessageId.Create(scene.Time));
        scene.Happen(broken, MailEventType.Accepted);
        scene.Happen(broken, MailEventType.Deferred, e => e with { Summary = new MessageSummary { MessageId = "1@shop.test", From = "", Subject = "", Recipients = null! } });
        scene.Happen(broken, MailEventType.Delivered);
        scene.Happen(other, MailEventType.Accepted);

        await scene.PassAsync(() => scene.Lanes.Waiting(scene.Webhook) == 0, TimeSpan.FromHours(1), TimeSpan.FromHours(100));

        Assert.Equal((3, 1), (scene.Lanes.Taken, scene.Lanes.GivenUp));
        Assert.Equal(["accepted", "delivered"], scene.Posts.Where(post => Text(post.Body.GetProperty("data"), "id") == broken.ToString()).Select(post => Text(post.Body, "type")));
        Assert.Single(scene.Posts, post => Text(post.Body.GetProperty("data"), "id") == other.ToString());
    }

    [Fact]
    public async Task A_stop_writes_down_what_was_taken_and_posts_no_more()
    {
        await using var scene = await Scene.StartAsync();
        var gate = new TaskCompletionSource();
        scene.Server.Serve("{}").Gate = gate.Task;
        scene.Lanes.IsOurs = false;
        for (var n = 0; n < 40; n++)
        {
            scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        }

        // Then all are read together.
        await WaitUntil.TrueAsync(() => scene.Lanes.IsQuiet);
        scene.Lanes.IsOurs = true;
        await WaitUntil.TrueAsync(() =>
        {
            scene.Time.Advance(scene.Lanes.IsQuiet ? TimeSpan.FromSeconds(1) : TimeSpan.Zero);
            return scene.Server.Requests.Count == 16;
        });
        var posts = scene.Delivery.Part<IEnumerable<IHostedService>>().OfType<EventPosts>().Single();
        var stop = posts.StopAsync(TestContext.Current.CancellationToken);
        gate.SetResult();
        await stop;

        Assert.Equal((16, 16, 24), (scene.Server.Requests.Count, scene.Lanes.Taken, scene.Lanes.Waiting(scene.Webhook)));
    }

    [Fact]
    public async Task A_test_says_that_it_is_one()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        var id = MessageId.Create(scene.Time);

        scene.Lanes.Test(scene.Webhook, id);
        await scene.PostedAsync(1);

        var post = scene.Posts.Single();
        Assert.Equal(("webhook.test", "hook_1"), (Text(post.Body, "type"), Text(post.Body.GetProperty("data"), "webhook")));
        Assert.Equal($"{id}.test.hook_1", Field(post.Head, "webhook-id"));
        await WaitUntil.TrueAsync(() => scene.Lanes.Waiting(scene.Webhook) == 0);
    }

    [Fact]
    public async Task What_another_node_has_now_is_not_posted()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Serve("{}");
        scene.Lanes.IsOurs = false;
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        await scene.PassAsync(() => scene.Time.GetUtcNow() > scene.Start + TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));
        Assert.Empty(scene.Server.Requests);

        scene.Lanes.IsOurs = true;
        await scene.PassAsync(() => scene.Posts.Count == 1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("2130706433")]
    [InlineData("[::ffff:127.0.0.1]")]
    [InlineData("169.254.169.254")]
    [InlineData("inside.shop.test")]
    public async Task An_address_inside_is_not_posted_to_however_it_is_written(string host)
    {
        await using var scene = await Scene.StartAsync(("Delivery:AllowPrivateDestinations", false));
        scene.Dns.A("inside.shop.test", "10.0.0.1", "127.0.0.1");
        scene.Server.Serve("{}");
        scene.Lanes.Change(scene.Webhook with { Url = new Uri($"https://{host}:{scene.Server.Port}/") });

        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);

        await WaitUntil.TrueAsync(() => scene.Delivery.Log.Any(line => line.Contains("the webhook could not be reached", StringComparison.Ordinal)));
        Assert.Empty(scene.Server.Requests);
        Assert.Equal(2, scene.Lanes.Waiting(scene.Webhook));
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var scene = await Scene.StartAsync();
        scene.Server.Answer = $"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://hooks.shop.test:{scene.Server.Port}/inside\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);
        scene.Happen(MessageId.Create(scene.Time), MailEventType.Accepted);

        await WaitUntil.TrueAsync(() => scene.Delivery.Log.Any(line => line.Contains("HTTP 307", StringComparison.Ordinal)));
        Assert.All(scene.Server.Requests, request => Assert.DoesNotContain("/inside", request, StringComparison.Ordinal));
    }

    private static string Field(string head, string name) =>
        head.Split("\r\n").Single(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))[(name.Length + 1)..].Trim();

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? "";

    /// <summary>What a receiver does, from the text of the specification.</summary>
    private static class StandardWebhooks
    {
        private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

        public static bool Verify(string secret, string head, string body, DateTimeOffset now)
        {
            var (id, stamp, signatures) = (Field(head, "webhook-id"), Field(head, "webhook-timestamp"), Field(head, "webhook-signature"));
            var age = now - DateTimeOffset.FromUnixTimeSeconds(long.Parse(stamp, CultureInfo.InvariantCulture));
            var expected = HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), Encoding.Latin1.GetBytes($"{id}.{stamp}.{body}"));
            return age.Duration() <= Tolerance && signatures.Split(' ').Any(signature =>
                signature.Split(',', 2) is ["v1", var value] && CryptographicOperations.FixedTimeEquals(Convert.FromBase64String(value), expected));
        }
    }

    private sealed record Post(string Head, string Raw)
    {
        public JsonElement Body { get; } = JsonElement.Parse(Encoding.Latin1.GetBytes(Raw));
    }

    private sealed class Scene : IAsyncDisposable
    {
        public TestAuthority Authority { get; } = TestAuthority.Create();
        public ScriptedDns Dns { get; private set; } = null!;
        public PolicyServer Server { get; private set; } = null!;
        public DeliveryUnderTest Delivery { get; private set; } = null!;
        public EventWebhook Webhook { get; private set; } = null!;
        public DateTimeOffset Start { get; private set; }

        public Microsoft.Extensions.Time.Testing.FakeTimeProvider Time => Delivery.Time;

        public InMemoryWebhookLanes Lanes => (InMemoryWebhookLanes)Delivery.Part<IWebhookLanes>();

        public IReadOnlyList<Post> Posts =>
            [.. Server.Requests.Select(request => request.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end ? new Post(request[..end], request[(end + 4)..]) : null!)];

        public static async Task<Scene> StartAsync(params (string, object)[] settings)
        {
            var scene = new Scene();
            scene.Server = PolicyServer.Start(scene.Authority.For("hooks.shop.test"));
            scene.Dns = ScriptedDns.Start().A("hooks.shop.test", "127.0.0.1");
            scene.Delivery = await DeliveryUnderTest.StartWithDnsAsync(scene.Dns, 25, settings);
            scene.Delivery.Part<CheckedHttp>().Trust(scene.Authority.Policy);
            scene.Start = scene.Time.GetUtcNow();
            scene.Webhook = scene.Add("hook_1", $"https://hooks.shop.test:{scene.Server.Port}/events");
            return scene;
        }

        public EventWebhook Add(string id, string url, int partitions = 1, string account = "shop")
        {
            var webhook = new EventWebhook { Id = id, Account = account, Url = new Uri(url), Secret = [], CreatedAt = Time.GetUtcNow(), By = "key_1" };
            webhook = webhook with { Secret = Delivery.Part<KeySeal>().Seal(Secret, webhook.SecretPlace) };
            Lanes.Add(webhook, partitions);
            return webhook;
        }

        public byte[] Seal(byte[] secret) => Delivery.Part<KeySeal>().Seal(secret, Webhook.SecretPlace);

        public void Happen(MessageId message, MailEventType type, Func<MailEvent, MailEvent>? change = null)
        {
            var happened = new MailEvent
            {
                Time = Time.GetUtcNow(),
                Type = type,
                Message = message,
                Account = "shop",
                Summary = type != MailEventType.Accepted ? null : new MessageSummary
                {
                    MessageId = "1@shop.test", From = "orders@shop.test", Subject = "Hello", Recipients = ["a@x.test"], Tags = ["order"], Metadata = new Dictionary<string, string> { ["order"] = "42" },
                },
            };
            Lanes.Happen(change?.Invoke(happened) ?? happened);
        }

        public Task PostedAsync(int count) => WaitUntil.TrueAsync(() => Server.Requests.Count >= count);

        /// <summary>Lets the clock go on, step by step, until it holds. It stands still while anything is posted or has yet to be, and until it was looked at.</summary>
        public async Task PassAsync(Func<bool> holds, TimeSpan step, TimeSpan longest)
        {
            var until = Time.GetUtcNow() + longest;
            await RestAsync();
            while (!holds())
            {
                Assert.True(Time.GetUtcNow() < until, "not within the time");
                var looks = Lanes.Looks;
                Time.Advance(step);
                await RestAsync(looks);
            }
        }

        /// <summary>Until all that is due now was posted and written down, and somebody has looked since.</summary>
        public async Task RestAsync(int since = -1)
        {
            while (Lanes.Looks == since || !Lanes.IsAtRest)
            {
                var looks = Lanes.Looks;
                await Task.Delay(20, TestContext.Current.CancellationToken);

                // It read the clock just before, and waits for a moment that comes when it is moved again.
                Time.Advance(Lanes.Looks == looks && Lanes.IsQuiet ? TimeSpan.FromSeconds(1) : TimeSpan.Zero);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Delivery.DisposeAsync();
            await Server.DisposeAsync();
            await Dns.DisposeAsync();
            Authority.Dispose();
        }
    }
}
