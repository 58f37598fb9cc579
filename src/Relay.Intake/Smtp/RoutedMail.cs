using Microsoft.Extensions.Options;
using Relay.Intake.Admission;
using Relay.Intake.Composition;
using Relay.Intake.Domains;
using Relay.Mail;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Routes;
using Relay.Smtp.Addresses;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// Puts mail of the world that an account has a route for into the queue, as mail of that account: from there it goes to the
/// webhook, the other address or the host behind us like any other, tried again until it is taken. Nobody gets a report of
/// it: whoever wrote it may be made up.
/// </summary>
internal sealed class RoutedMail(
    IInboundRouteStore routes,
    SendingDomains domains,
    IMailQueue queue,
    IContentStore contents,
    ReturnPaths returnPaths,
    IOptions<RelayOptions> relay,
    IOptions<BootstrapOptions> bootstrap,
    IOptions<InboundOptions> options,
    IntakeMetrics metrics,
    TimeProvider time)
{
    // What programs take in one request, and what stands in memory once for each post under way.
    public const long MaxWebhookBytes = 10 * 1024 * 1024;

    // As long as any webhook is tried.
    private static readonly TimeSpan WebhookExpiry = TimeSpan.FromDays(3);

    // As long as credentials are remembered: a stranger who asks for many addresses asks us, and not the store.
    private readonly ShortCache<string, InboundRoute?> _cache = new(time, TimeSpan.FromSeconds(10), capacity: 20_000);

    private readonly RoutedOctets _octets = new(options.Value.MaxRoutedBytesPerMinute, time);

    /// <summary>Where the content of a transaction for a route goes while it arrives.</summary>
    public IContentPlace PlaceFor(InboundRoute route, Transaction transaction) =>
        new RoutedContent(contents, route, transaction.Share = _octets.Open(route.Account), metrics);

    /// <summary>The route of an address, if its account still has the right to it, else that of its domain.</summary>
    /// <exception cref="StoreUnavailableException">Nobody knows.</exception>
    public async ValueTask<InboundRoute?> FindAsync(EnvelopeAddress recipient, CancellationToken cancellation)
    {
        var key = InboundRoute.KeyOf(recipient);
        var route = await LookUpAsync(key, () => routes.FindAsync(recipient, cancellation));
        if (route is null || await MayHaveAsync(route.Account, route.Match, cancellation))
        {
            return route;
        }

        // Who had the domain before left one for this address; who has it now may have one for all of it.
        var domain = DomainOf(route.Match);
        return route.Match != domain
            && await LookUpAsync(domain, () => routes.FindAsync(domain, cancellation)) is { } other
            && await MayHaveAsync(other.Account, domain, cancellation) ? other : null;
    }

    /// <summary>The domain of this address, or this domain, is the account's to say where its mail goes.</summary>
    /// <param name="match">As <see cref="InboundRoute.Match"/>.</param>
    public async ValueTask<bool> MayHaveAsync(string account, string match, CancellationToken cancellation) =>
        !bootstrap.Value.RequireVerifiedDomains || await domains.CoversAsync(account, DomainOf(match), cancellation);

    /// <summary>A route was made or removed in this process; from here on that is seen.</summary>
    public void Forget() => _cache.Clear();

    public async ValueTask<DeskAnswer> TakeAsync(InboundRoute route, Transaction transaction, IncomingContent content, DeskFacts facts)
    {
        if (route.Webhook is not null && content.Length > MaxWebhookBytes)
        {
            return No(Replies.TooLarge, RoutedAnswer.TooLarge);
        }

        var isReadable = HeaderBlock.TryRead(content.Head, content.Chunks == 0, out var header, out _);

        // Counted in a header that is broken further down, too: the lines of whoever passes it on stand on top.
        if (header.GoesRound)
        {
            return No(Replies.GoesRound, RoutedAnswer.GoesRound);
        }

        // All but its chunks, which were taken as they came.
        var share = transaction.Share!;
        if (!share.TryTake(content.Length - share.Taken))
        {
            return No(Replies.TooMuchRouted, RoutedAnswer.TooMuch);
        }

        Message message;
        try
        {
            message = await MessageOfAsync(route, transaction.ToEnvelope(), content, facts, isReadable ? header : null);
        }
        catch (StoreUnavailableException exception)
        {
            share.GiveBack();
            return StoreSaysNo(exception.IsFull);
        }

        switch (await queue.EnqueueAsync(message, null, CancellationToken.None))
        {
            case EnqueueResult.Accepted:
                content.Keep();
                metrics.Routed(RoutedAnswer.Taken);
                return new DeskAnswer(message.Id);
            case EnqueueResult.StoreFull:
                share.GiveBack();
                return StoreSaysNo(isFull: true);
            default:
                // Nobody knows whether it was accepted: its content may be needed.
                content.Keep();
                return StoreSaysNo(isFull: false);
        }
    }

    private DeskAnswer StoreSaysNo(bool isFull) => isFull
        ? No(Replies.StoreFull, RoutedAnswer.StoreFull)
        : No(Replies.StoreUnavailable, RoutedAnswer.StoreUnavailable);

    private DeskAnswer No(SmtpReply reply, RoutedAnswer answer)
    {
        metrics.Routed(answer);
        return DeskAnswer.No(reply);
    }

    private async ValueTask<Message> MessageOfAsync(InboundRoute route, Envelope envelope, IncomingContent content, DeskFacts facts, HeaderBlock? header)
    {
        var now = time.GetUtcNow();
        var trace = TraceLine.Of(TraceFacts.Of(facts, envelope, relay.Value.HostName, authenticated: false), content.Id, now);
        var head = header is null ? content.Head : WithheldFields.LeftOutOf(content.Head, header, relay.Value.HostName);
        IReadOnlyList<Recipient> recipients = route.ForwardTo is { } other
            ? [new Recipient { Address = EnvelopeAddress.Parse(other) }]
            : RecipientList.Distinct([.. envelope.Recipients.Select(recipient => new Recipient { Address = recipient.Address })]);
        return new Message
        {
            Id = content.Id,
            Account = route.Account,
            Credential = route.Id,
            Source = MessageSource.Inbound,
            Class = MessageClass.Inbound,
            Envelope = new Envelope { Sender = envelope.Sender, Recipients = recipients, EightBitMime = envelope.EightBitMime, SmtpUtf8 = envelope.SmtpUtf8, Tls = envelope.Tls },
            // Sent on under the writer's own address it would fail SPF, and its bounces would go to whoever is named there.
            ReturnPath = envelope.Sender is null || route.Webhook is not null ? null : await returnPaths.FindAsync(route.Account, content.Id, DomainOf(route.Match), CancellationToken.None),
            Webhook = route.Webhook is null ? null : route.Match,
            Content = new MessageContent
            {
                Prologue = trace,
                Head = head,
                Chunks = content.Chunks,
                Length = trace.Length + content.Length - content.Head.Length + head.Length,
                HasEightBit = content.HasEightBit,
                HasEightBitHeader = content.HasEightBit && header?.HasEightBit() == true,
            },
            AcceptedAt = now,
            ExpiresAt = route.Webhook is null ? null : now + WebhookExpiry,
            From = header is null ? "" : HeaderText.Decode(header.Value(HeaderField.From)),
            Subject = header is null ? "" : HeaderText.Decode(header.Value(HeaderField.Subject)),
            MessageIdHeader = header is null ? "" : HeaderText.Decode(header.Value(HeaderField.MessageId)).Trim('<', '>'),
        };
    }

    private async ValueTask<InboundRoute?> LookUpAsync(string key, Func<ValueTask<InboundRoute?>> ask)
    {
        if (!_cache.TryGet(key, out var route))
        {
            var version = _cache.Version;
            route = await ask();
            _cache.Remember(key, route, version);
        }

        return route;
    }

    // The last @: a quoted local part may hold others.
    private static string DomainOf(string match) => match[(match.LastIndexOf('@') + 1)..];
}
