using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Relay.Delivery;
using Relay.Delivery.Providers;
using Relay.Delivery.Scheduling;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Bounces;
using Relay.Mail.Events;
using Relay.Mail.Inbox;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Policies;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Mail.Signing;
using Relay.Mail.Suppressions;
using Relay.Mail.Tokens;
using Relay.Mail.Webhooks;
using Relay.TestKit.Dns;
using Relay.TestKit.InMemory;
using Relay.TestKit.Remote;

namespace Relay.Tests.Delivery;

/// <summary>The whole of delivery, as the host wires it, on a queue in memory, a clock in the test's hand, and real sockets.</summary>
internal sealed class DeliveryUnderTest : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly CancellationTokenSource _limit;
    private readonly TestLog _log;
    private bool _stopped;

    private DeliveryUnderTest(ServiceProvider services, FakeTimeProvider time, InMemoryMailQueue queue, InMemoryContentStore contents, RecordedReports reports, TestLog log, CancellationToken test)
    {
        _services = services;
        Time = time;
        Queue = queue;
        Contents = contents;
        Reports = reports;
        _log = log;

        // No test may hang.
        _limit = CancellationTokenSource.CreateLinkedTokenSource(test);
        _limit.CancelAfter(TimeSpan.FromSeconds(60));
    }

    /// <summary>By its own clock.</summary>
    public static DateTimeOffset Began { get; } = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public FakeTimeProvider Time { get; }
    public InMemoryMailQueue Queue { get; }
    public InMemoryContentStore Contents { get; }
    public RecordedReports Reports { get; }

    /// <summary>Every line logged so far, with its level before it.</summary>
    public IReadOnlyCollection<string> Log => _log.Lines;

    public InMemorySuppressionStore Suppressions => (InMemorySuppressionStore)_services.GetRequiredService<ISuppressionStore>();

    public IInbox Inbox => _services.GetRequiredService<IInbox>();

    public SiteDirectory Sites => _services.GetRequiredService<SiteDirectory>();

    public DeliveryWindow Window => _services.GetRequiredService<DeliveryWindow>();

    /// <summary>Whether a connection lies idle. The mail it carried is settled before it does.</summary>
    public bool IsAnyParked => Part<ProviderDirectory>().All.Any(provider =>
    {
        lock (provider.Lock)
        {
            return provider.IdleCountHoldingLock > 0;
        }
    });

    /// <summary>What the link to unsubscribe in a mail's header says.</summary>
    public Unsubscription ClaimIn(string mail) => ClaimOf(Part<MailTokens>(), mail);

    public static Unsubscription ClaimOf(MailTokens tokens, string mail)
    {
        var link = mail[(mail.IndexOf("/unsubscribe/", StringComparison.Ordinal) + "/unsubscribe/".Length)..];
        return Unsubscription.Open(tokens, link.AsSpan(0, link.IndexOf('>', StringComparison.Ordinal))) ?? throw new Xunit.Sdk.XunitException(mail);
    }

    public T Part<T>() where T : notnull => _services.GetRequiredService<T>();

    /// <summary>Starts with these settings, named from <c>Relay:</c> on.</summary>
    public static Task<DeliveryUnderTest> StartAsync(params (string Setting, object Value)[] settings) => StartAsync(null, settings);

    private static Task<DeliveryUnderTest> StartAsync(ISigners? signers, (string Setting, object Value)[] settings)
    {
        var time = new FakeTimeProvider(Began);
        return StartNodeAsync(time, new InMemorySiteBoard(time), signers, settings);
    }

    /// <summary>Starts as one of several, on a clock of all.</summary>
    public static Task<DeliveryUnderTest> StartNodeAsync(FakeTimeProvider time, InMemorySiteBoard board, params (string Setting, object Value)[] settings) =>
        StartNodeAsync(time, board, null, settings);

    private static async Task<DeliveryUnderTest> StartNodeAsync(FakeTimeProvider time, InMemorySiteBoard board, ISigners? signers, (string Setting, object Value)[] settings)
    {
        var test = TestContext.Current.CancellationToken;
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.GroupBy(s => s.Setting).Select(s => KeyValuePair.Create($"Relay:{s.Key}", s.Last().Value.ToString())))
            .Build();

        var queue = new InMemoryMailQueue(time);
        var contents = new InMemoryContentStore();
        var reports = new RecordedReports();
        var log = new TestLog();
        var collection = new ServiceCollection();
        if (signers is not null)
        {
            collection.AddSingleton(signers);
        }

        var services = collection
            .AddLogging(l => l.SetMinimumLevel(LogLevel.Debug).AddProvider(log))
            .AddMetrics()
            .AddSingleton<TimeProvider>(time)
            .AddSingleton<IMailQueue>(queue)
            .AddSingleton<IAccountStore, InMemoryAccountStore>()
            .AddSingleton(board.Join())
            .AddSingleton<IContentStore>(contents)
            .AddSingleton<IInbox, InMemoryInbox>()
            .AddSingleton<ITranscriptStore, InMemoryTranscripts>()
            .AddSingleton<IStsPolicyStore, InMemoryStsPolicyStore>()
            .AddSingleton<InMemorySuppressionStore>()
            .AddSingleton<ISuppressionStore>(provider => provider.GetRequiredService<InMemorySuppressionStore>())
            .AddSingleton<ISuppressionNews>(provider => provider.GetRequiredService<InMemorySuppressionStore>())
            .AddSingleton(KnownTokens.Create(time))
            .AddSingleton(provider => new ListFields(provider.GetRequiredService<MailTokens>(), new Uri("https://relay.test"), new ListOptions()))
            .AddSingleton<ITlsReportStore, InMemoryTlsReportStore>()
            .AddSingleton<RecordedOwnMail>()
            .AddSingleton<IOwnMail>(provider => provider.GetRequiredService<RecordedOwnMail>())
            .AddSingleton<IFailureReports>(reports)
            .AddSingleton<IInboundRouteStore, InMemoryInboundRouteStore>()
            .AddSingleton<IWebhookLanes, InMemoryWebhookLanes>()
            .AddSingleton(new KeySeal([]))
            .Configure<RelayOptions>(o => o.HostName = "relay.test")
            .AddRelayDelivery(configuration.GetSection(RelayOptions.Section))
            .BuildServiceProvider();

        queue.Desk = services.GetRequiredService<IDeliveryDesk>();
        queue.Reports = reports;
        var delivery = new DeliveryUnderTest(services, time, queue, contents, reports, log, test);
        foreach (var hosted in services.GetServices<IHostedService>())
        {
            await hosted.StartAsync(test);
        }

        return delivery;
    }

    /// <summary>Everything goes to this remote, by a route in clear text unless told otherwise.</summary>
    public static Task<DeliveryUnderTest> StartWithRouteAsync(ScriptedSmtpServer remote, params (string Setting, object Value)[] more) => StartAsync(null, RouteTo(remote, more));

    /// <summary>The same, where a domain of the sender has keys.</summary>
    public static Task<DeliveryUnderTest> StartWithRouteAsync(ScriptedSmtpServer remote, DkimSigner signer) => StartWithRouteAsync(remote, new OneSigner(signer));

    public static Task<DeliveryUnderTest> StartWithRouteAsync(ScriptedSmtpServer remote, ISigners signers) => StartAsync(signers, RouteTo(remote, []));

    private static (string Setting, object Value)[] RouteTo(ScriptedSmtpServer remote, (string Setting, object Value)[] more) =>
    [
        ("Delivery:Routes:0:Domain", "*"),
        ("Delivery:Routes:0:Host", "127.0.0.1"),
        ("Delivery:Routes:0:Port", remote.Port),
        ("Delivery:Routes:0:Tls", "None"),
        .. more,
    ];

    /// <summary>Domains are looked up at this server, may lead to loopback, and are reached at this port.</summary>
    public static Task<DeliveryUnderTest> StartWithDnsAsync(ScriptedDns dns, int port, params (string Setting, object Value)[] more) => StartAsync(
    [
        ("Delivery:Port", port),
        ("Delivery:Dns:Servers:0", dns.Server),
        ("Delivery:AllowPrivateDestinations", true),
        .. more,
    ]);

    public async Task<Message> AcceptAsync(Message message)
    {
        Assert.IsType<EnqueueResult.Accepted>(await Queue.EnqueueAsync(message, null, _limit.Token));
        return message;
    }

    public Task<Message> AcceptAsync(params string[] recipients) => AcceptAsync(A.Message(Time, recipients));

    /// <summary>Waits until so many settlements were done in all, and gives the last.</summary>
    public async Task<Settlement> SettledAsync(int count = 1)
    {
        try
        {
            return (await Queue.WaitForSettlementsAsync(count, _limit.Token))[count - 1];
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{Queue.Settlements.Count} settlements of {count} were done");
            throw;
        }
    }

    /// <summary>Accepts a message, waits for its first settlement, and gives the event of each recipient.</summary>
    public async Task<IReadOnlyList<MailEvent>> SendAsync(params string[] recipients) => await SendAsync(A.Message(Time, recipients));

    public async Task<IReadOnlyList<MailEvent>> SendAsync(Message message)
    {
        var before = Queue.Settlements.Count;
        await AcceptAsync(message);
        return (await SettledAsync(before + 1)).Events;
    }

    /// <summary>Moves the clock to when the settlement's unit is due again.</summary>
    public void AdvanceTo(Settlement settlement) => Time.Advance(settlement.DueAt!.Value - Time.GetUtcNow());

    /// <summary>Moves the clock step by step until the first settlement is done: nobody announces when a wait on the wire begins.</summary>
    /// <param name="isUnderWay">From then on it stands still: mail takes its own time over the wire, which would else be taken for dead.</param>
    public async Task AdvanceUntilSettledAsync(TimeSpan step, Func<bool>? isUnderWay = null) => await WaitUntil.TrueAsync(() =>
    {
        if (Queue.Settlements.Count == 0 && isUnderWay?.Invoke() != true)
        {
            Time.Advance(step);
        }

        return Queue.Settlements.Count > 0;
    });

    public async Task StopAsync(CancellationToken cancellation)
    {
        _stopped = true;
        foreach (var hosted in _services.GetServices<IHostedService>())
        {
            await hosted.StopAsync(cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
        {
            using var now = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await StopAsync(now.Token);
        }

        await _services.DisposeAsync();
        _limit.Dispose();
    }

    // What delivery logs is part of a failed test's output.
    private sealed class TestLog : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        private readonly ITestOutputHelper? _output = TestContext.Current.TestOutputHelper;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var line = $"{logLevel}: {formatter(state, exception)} {exception}";
            Lines.Enqueue(line);
            try
            {
                _output?.WriteLine(line);
            }
            catch (InvalidOperationException)
            {
                // The test is over.
            }
        }

        public void Dispose()
        {
        }
    }
}

/// <summary>Signs for one domain.</summary>
internal class OneSigner(DkimSigner signer) : ISigners
{
    public ValueTask<DkimSigner?> FindSignerAsync(string account, string domain, DateTimeOffset at, CancellationToken cancellation) =>
        ValueTask.FromResult(domain == signer.Domain ? SignerAt(at) : null);

    protected virtual DkimSigner SignerAt(DateTimeOffset time) => signer;
}

/// <summary>The same, with other keys from some time on.</summary>
internal sealed class RotatedSigner(DkimSigner before, DateTimeOffset rotatedAt, DkimSigner after) : OneSigner(before)
{
    protected override DkimSigner SignerAt(DateTimeOffset time) => time < rotatedAt ? base.SignerAt(time) : after;
}

/// <summary>Keeps what the relay writes itself.</summary>
internal sealed class RecordedOwnMail : IOwnMail
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<OwnMail> _sent = new();
    private int _tries;

    public IReadOnlyList<OwnMail> Sent => [.. _sent];

    public bool IsAway { get; set; }

    /// <summary>How often it was tried.</summary>
    public int Tries => _tries;

    public ValueTask<bool> TrySendAsync(OwnMail mail, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _tries);
        if (!IsAway)
        {
            _sent.Enqueue(mail);
        }

        return ValueTask.FromResult(!IsAway);
    }
}

/// <summary>Reports as they were asked for; composes one where the message reports failures.</summary>
internal sealed class RecordedReports : IFailureReports
{
    private readonly List<(Message Original, IReadOnlyList<FailedRecipient> Failures)> _asked = [];

    public IReadOnlyList<(Message Original, IReadOnlyList<FailedRecipient> Failures)> Asked
    {
        get
        {
            lock (_asked)
            {
                return [.. _asked];
            }
        }
    }

    /// <summary>None can be written.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Recipients whose mail went to a host that tells nothing more.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<RelayedRecipient> Relayed { get; } = new();

    public Message? ComposeRelayed(Message original, IReadOnlyList<RelayedRecipient> relayed)
    {
        foreach (var recipient in relayed)
        {
            Relayed.Enqueue(recipient);
        }

        return null;
    }

    public Message? Compose(Message original, IReadOnlyList<FailedRecipient> failures)
    {
        if (IsBroken)
        {
            throw new InvalidOperationException("as the test wants it");
        }

        lock (_asked)
        {
            _asked.Add((original, failures));
        }

        return original.ReportsFailures && original.Envelope.Sender is { } sender
            ? original with
            {
                Id = MessageId.Create(TimeProvider.System, original.Id.Slot),
                Source = MessageSource.Report,
                ReportsFailures = false,
                Envelope = new Envelope { Sender = null, Recipients = [new Recipient { Address = sender }] },
            }
            : null;
    }
}
