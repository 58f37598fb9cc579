using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Relay.Feedback;
using Relay.Feedback.Bounces;
using Relay.Feedback.Lists;
using Relay.Feedback.Returns;
using Relay.Mail;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;
using Relay.TestKit.InMemory;
using Relay.Tests.Mail.Tokens;
using Relay.Tests.Redis;

namespace Relay.Tests.Feedback.Returns;

/// <summary>The desk that reads what comes back, beside a queue in memory whose mail has left.</summary>
internal sealed class ReturnsUnderTest : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public ReturnsUnderTest()
    {
        Queue = new InMemoryMailQueue(Time);
        Store = new InMemoryIncomingStore(Queue);
        Tokens = new MailTokens(Time);
        Tokens.Use([MailTokensTests.Key(0)]);
        Desk = new ReturnsDesk(
            Tokens,
            Store,
            new Findings(new FailureReports(Options.Create(new RelayOptions { HostName = "mx.relay.test" }), Time), Time),
            new OptOuts(Suppressions, Store),
            new FeedbackMetrics(_services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>()),
            Time,
            NullLogger<ReturnsDesk>.Instance);
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    public InMemoryMailQueue Queue { get; }
    public InMemoryIncomingStore Store { get; }
    public InMemorySuppressionStore Suppressions { get; } = new();
    public MailTokens Tokens { get; }
    public ReturnsDesk Desk { get; }

    /// <summary>What is kept aside, newest first.</summary>
    public IReadOnlyList<AsideMail> Aside => Store.ListAsideAsync(Cancellation).GetAwaiter().GetResult();

    public IReadOnlyList<Message> Reports => [.. Queue.Accepted.Where(message => message.Source == MessageSource.Report)];

    /// <summary>A message by SMTP, with a return path of ours, that has been delivered to all.</summary>
    public Task<Message> DeliveredAsync(params string[] recipients) => SentAsync(TestMail.Delivered, null, recipients);

    public async Task<Message> SentAsync(Func<Lease, TimeProvider, Settlement>? end, Func<Message, Message>? change, params string[] recipients)
    {
        var plain = TestMail.To(Time, recipients);
        var message = plain with { ReportsFailures = true, ReturnPath = AddressOf(plain.Id, TokenPurpose.ReturnPath) };
        message = change?.Invoke(message) ?? message;
        await Queue.EnqueueAsync(message, null, Cancellation);
        if (end is not null)
        {
            foreach (var lease in await Queue.LeaseDueAsync(TestMail.Everything, Cancellation))
            {
                await Queue.SettleAsync(end(lease, Time), Cancellation);
            }
        }

        return message;
    }

    public EnvelopeAddress AddressOf(MessageId message, TokenPurpose purpose, int? recipient = null)
    {
        Assert.True(Tokens.TryMint(purpose, message, recipient, out var token));
        return EnvelopeAddress.Parse($"{token}@bounce.shop.test");
    }

    public async Task<IncomingResult> TakeAsync(byte[] content, params EnvelopeAddress[] recipients) =>
        await Desk.TakeAsync(
            new IncomingMail(MessageId.Create(Time), null, recipients, content, content.Length, IPAddress.Loopback, Time.GetUtcNow()), Cancellation);

    public Task<IncomingResult> TakeAsync(byte[] content, Message about, TokenPurpose purpose = TokenPurpose.ReturnPath) =>
        TakeAsync(content, AddressOf(about.Id, purpose));

    public IReadOnlyList<MailEvent> EventsOf(Message message) => Queue.Activity.Find(message.Id)!.Events;

    public RecipientState StateOf(Message message, int recipient = 0) => Queue.Activity.Find(message.Id)!.Recipients()[recipient].State;

    public void Dispose() => _services.Dispose();
}
