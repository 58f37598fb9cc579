using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Relay.Intake;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Lists;
using Relay.Mail.Sites;
using Relay.Mail.Templates;
using Relay.TestKit.InMemory;
using Relay.TestKit.Redis;

namespace Relay.Tests.Redis.Accounts;

/// <summary>
/// A key that is revoked on one node is worth nothing on any, though each remembers it. The clock of the gates stands still, so
/// that nothing they remember ends by itself: what they forget, they were told to.
/// </summary>
public sealed class AccountChangesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_revoked_on_one_node_is_worth_nothing_on_the_other()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await RevokedElsewhereAsync(redis);
    }

    [Fact]
    public async Task Also_where_nodes_hear_nothing_of_each_other()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);

        // No channel may be listened to: every ring is lost.
        await redis.AskAsync(Cancellation, "ACL", "SETUSER", "default", "resetchannels");
        await RevokedElsewhereAsync(redis);
    }

    [Fact]
    public async Task While_the_store_cannot_be_asked_nothing_remembered_is_relied_on()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var node = await NodeAsync(redis);
        await node.AddKeyAsync("a key");
        Assert.IsType<AuthenticationResult.Authenticated>(await node.LogInAsync("a key"));

        await redis.KillAsync();
        await Eventually.HoldsAsync(async () => await node.LogInAsync("a key") is AuthenticationResult.Unavailable, Cancellation);
        await redis.StartAgainAsync(Cancellation);
        await Eventually.HoldsAsync(async () => await node.LogInAsync("a key") is AuthenticationResult.Authenticated, Cancellation);
    }

    [Fact]
    public async Task Each_part_is_told_of_by_its_name()
    {
        await using var redis = await RedisServer.StartAsync(Cancellation);
        await using var here = await NodeAsync(redis);
        await using var there = await NodeAsync(redis);
        var heard = new List<AccountPart>();
        there.Accounts.Changed += part =>
        {
            lock (heard)
            {
                heard.Add(part);
            }
        };

        // The first look of a node tells of all parts, and may still come.
        var number = 0;
        await Eventually.HoldsAsync(
            async () =>
            {
                lock (heard)
                {
                    heard.Clear();
                }

                await here.Accounts.TryAddAccountAsync(new Account($"a{number++}", "A", DateTimeOffset.UnixEpoch), Cancellation);
                await Eventually.HoldsAsync(() => Has(AccountPart.Accounts), Cancellation);
                return !Has(AccountPart.Domains);
            },
            Cancellation);
        await here.Accounts.PutDomainAsync(new SendingDomain("d1", "a", "a.test", "token", SendingDomainStatus.Verified, DateTimeOffset.UnixEpoch, null), Cancellation);
        await Eventually.HoldsAsync(() => Has(AccountPart.Domains), Cancellation);
        await here.Senders.TryAddAsync(new VerifiedSender("s1", "a", "a@x.test", DateTimeOffset.UnixEpoch), Cancellation);
        await Eventually.HoldsAsync(() => Has(AccountPart.Senders), Cancellation);
        var now = DateTimeOffset.UnixEpoch;
        await here.Templates.TryAddAsync(new MailTemplate { Id = "t1", Account = "a", Name = "A", Version = 1, CreatedAt = now, ChangedAt = now, By = "k" }, Cancellation);
        await Eventually.HoldsAsync(() => Has(AccountPart.Templates), Cancellation);

        bool Has(AccountPart part)
        {
            lock (heard)
            {
                return heard.Contains(part);
            }
        }
    }

    private static async Task RevokedElsewhereAsync(RedisServer redis)
    {
        await using var here = await NodeAsync(redis);
        await using var there = await NodeAsync(redis);
        var credential = await here.AddKeyAsync("a key");
        await Eventually.HoldsAsync(async () => await there.LogInAsync("a key") is AuthenticationResult.Authenticated, Cancellation);

        await here.Accounts.ChangeCredentialAsync("shop", credential.Id, known => known with { RevokedAt = DateTimeOffset.UnixEpoch }, Cancellation);

        Assert.IsType<AuthenticationResult.Rejected>(await here.LogInAsync("a key"));
        await Eventually.HoldsAsync(async () => await there.LogInAsync("a key") is AuthenticationResult.Rejected, Cancellation);
        Assert.NotNull(await there.Gate.CheckSenderAsync(credential, null, Cancellation));
    }

    private static async Task<Node> NodeAsync(RedisServer redis) =>
        new(await StoreUnderTest.StartAsync(redis.ConnectionString, StoreUnderTest.NewFolder(), TimeProvider.System, Cancellation));

    private sealed class Node : IAsyncDisposable
    {
        private readonly StoreUnderTest _store;
        private readonly ServiceProvider _services;

        public Node(StoreUnderTest store)
        {
            _store = store;
            _services = new ServiceCollection()
                .AddLogging()
                .AddSingleton<TimeProvider>(new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddDays(20_000)))
                .AddSingleton(store.Queue)
                .AddSingleton(store.Get<IAccountStore>())
                .AddSingleton(store.Get<ISenderStore>())
                .AddSingleton(store.Get<IUsageReader>())
                .AddSingleton(store.Get<ISiteBoard>())
                .AddSingleton(new ListFields(KnownTokens.Create(TimeProvider.System), null, new ListOptions()))
                .AddRelayIntake(new ConfigurationBuilder().Build())
                .BuildServiceProvider();
        }

        public AdmissionGate Gate => _services.GetRequiredService<AdmissionGate>();

        public IAccountStore Accounts => _store.Get<IAccountStore>();

        public ITemplateStore Templates => _store.Get<ITemplateStore>();

        public ISenderStore Senders => _store.Get<ISenderStore>();

        public async Task<AuthenticationResult> LogInAsync(string key) => await _services.GetRequiredService<Logins>().AuthenticateAsync(key, IPAddress.Loopback, null, Cancellation);

        public async Task<Credential> AddKeyAsync(string key)
        {
            var credential = new Credential
            {
                Id = "key_1",
                Account = "shop",
                Name = "test",
                KeyHash = ApiKey.Hash(key),
                CreatedAt = DateTimeOffset.UnixEpoch,
            };
            await Accounts.PutCredentialAsync(credential, Cancellation);
            return credential;
        }

        public async ValueTask DisposeAsync()
        {
            await _services.DisposeAsync();
            await _store.DisposeAsync();
        }
    }
}
