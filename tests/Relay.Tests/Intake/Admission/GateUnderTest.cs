using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Relay.Intake;
using Relay.Intake.Admission;
using Relay.Intake.Http;
using Relay.Intake.Smtp;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;

namespace Relay.Tests.Intake.Admission;

/// <summary>The gate with its stores in memory, one account with one verified domain, <c>shop.test</c>, and a key.</summary>
internal sealed class GateUnderTest : IDisposable
{
    private readonly ServiceProvider _services;

    public GateUnderTest(
        Action<BootstrapOptions>? configure = null, string? publicUrl = null, bool inbound = true, ListOptions? lists = null, bool knowsTokens = true,
        params (string Name, string Value)[] settings)
    {
        Queue = new InMemoryMailQueue(Time);
        Tokens = knowsTokens ? KnownTokens.Create(Time) : new MailTokens(Time);
        Board = new InMemorySiteBoard(Time);
        Credential = new Credential
        {
            Id = "key_1",
            Account = "shop",
            Name = "web shop",
            KeyHash = ApiKey.Hash(Key),
            CreatedAt = Time.GetUtcNow(),
        };
        var relay = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)))
            .Build();
        _services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(Time)
            .AddSingleton<IMailQueue>(Queue)
            .AddSingleton<IUsageReader>(Queue)
            .AddSingleton<IAccountStore>(Accounts)
            .AddSingleton<ISenderStore>(Senders)
            .AddSingleton(Board.Join())
            .Configure<RelayOptions>(relay)
            .AddRelayIntake(relay)
            .AddSingleton(Seal)
            .AddSingleton(Tokens)
            .AddSingleton(new ListFields(Tokens, publicUrl is null ? null : new Uri(publicUrl), lists ?? new ListOptions()))
            .Configure<BootstrapOptions>(bootstrap => configure?.Invoke(bootstrap))
            .Configure<InboundOptions>(options => options.Enabled = inbound)
            .Configure<HttpOptions>(http => http.PublicUrl = publicUrl)
            .BuildServiceProvider();
        Gate = _services.GetRequiredService<AdmissionGate>();
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public string Key { get; } = ApiKey.Create(MessageMode.Live);
    public MailTokens Tokens { get; }
    public KeySeal Seal { get; } = new(["a secret that nobody else knows, and long"]);
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    public InMemoryAccountStore Accounts { get; } = new();
    public InMemorySenderStore Senders { get; } = new();
    public InMemorySiteBoard Board { get; }
    public InMemoryMailQueue Queue { get; }
    public Credential Credential { get; set; }
    public AdmissionGate Gate { get; }
    public Logins Logins => Part<Logins>();

    public T Part<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public async Task<GateUnderTest> WithKeyAsync()
    {
        await Accounts.PutCredentialAsync(Credential, Cancellation);
        return this;
    }

    public async Task<GateUnderTest> WithDomainAsync(
        string name = "shop.test", string account = "shop", SendingDomainStatus status = SendingDomainStatus.Verified)
    {
        await Accounts.PutDomainAsync(new SendingDomain("dom_" + name, account, name, "token", status, Time.GetUtcNow(), null), Cancellation);
        return this;
    }

    public ValueTask<AdmissionResult> AdmitAsync(string content, Func<Submission, Submission>? change = null)
    {
        var submission = Submission(content);
        return Gate.AdmitAsync(change is null ? submission : change(submission), Cancellation);
    }

    public async Task<Message> AdmittedAsync(string content, Func<Submission, Submission>? change = null) =>
        Assert.IsType<AdmissionResult.Admitted>(await AdmitAsync(content, change)).Message;

    public async Task<Refusal> RefusedAsync(string content, Func<Submission, Submission>? change = null) =>
        Assert.IsType<AdmissionResult.Refused>(await AdmitAsync(content, change)).Refusal;

    public Submission Submission(string content)
    {
        var octets = Encoding.UTF8.GetBytes(content);
        return new Submission
        {
            Id = MessageId.Create(Time),
            Credential = Credential,
            Source = MessageSource.Smtp,
            Envelope = Envelope("user@there.test"),
            Trace = "Received: from client by relay\r\n"u8.ToArray(),
            Head = octets,
            Length = octets.Length,
            HasEightBit = octets.Length != content.Length,
        };
    }

    public static Envelope Envelope(params string[] recipients) => new()
    {
        Sender = EnvelopeAddress.Parse("bounce@shop.test"),
        Recipients = [.. recipients.Select(address => new Recipient { Address = EnvelopeAddress.Parse(address) })],
    };

    public static string TextOf(ReadOnlyMemory<byte> octets) => Encoding.UTF8.GetString(octets.Span);

    /// <summary>What the link to unsubscribe in a header says.</summary>
    public Unsubscription ClaimIn(string header) => Delivery.DeliveryUnderTest.ClaimOf(Tokens, header);

    public void Dispose() => _services.Dispose();
}
