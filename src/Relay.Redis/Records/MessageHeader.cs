using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Redis.Records;

/// <summary>Everything of a message but its octets, as it stands in the record's header.</summary>
internal sealed record MessageHeader
{
    public required string Account { get; init; }
    public required string Credential { get; init; }
    public MessageSource Source { get; init; }
    public MessageMode Mode { get; init; }
    public MessageClass Class { get; init; }
    public string? Stream { get; init; }
    public string? Sender { get; init; }
    public string? ReturnPath { get; init; }
    public string? Webhook { get; init; }
    public required RecipientHeader[] Recipients { get; init; }
    public DsnReturn Return { get; init; }
    public string? EnvelopeId { get; init; }
    public bool EightBitMime { get; init; }
    public bool SmtpUtf8 { get; init; }

    /// <summary>Left out where nothing is demanded, as with most mail.</summary>
    public TlsDemand? Tls { get; init; }

    public int PrologueLength { get; init; }
    public int Chunks { get; init; }
    public long Length { get; init; }
    public bool HasEightBit { get; init; }
    public bool HasEightBitHeader { get; init; }

    /// <summary>Left out where all copies are alike, as with most mail.</summary>
    public byte[]? BodyHash { get; init; }

    public DateTimeOffset AcceptedAt { get; init; }
    public DateTimeOffset? SendAt { get; init; }
    public DateTimeOffset? PacedTo { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public string? From { get; init; }
    public string? Subject { get; init; }
    public string? MessageId { get; init; }
    public Alignment? Alignment { get; init; }
    public string[]? Tags { get; init; }
    public Dictionary<string, string>? Metadata { get; init; }
    public string? RepeatKey { get; init; }
    public bool ReportsFailures { get; init; }
    public string? TraceParent { get; init; }

    public static MessageHeader Of(Message message) => new()
    {
        Account = message.Account,
        Credential = message.Credential,
        Source = message.Source,
        Mode = message.Mode,
        Class = message.Class,
        Stream = message.Stream,
        Sender = message.Envelope.Sender?.Text,
        ReturnPath = message.ReturnPath?.Text,
        Webhook = message.Webhook,
        Recipients = [.. message.Envelope.Recipients.Select(r => new RecipientHeader(r.Address.Text, (int?)r.Notify, r.OriginalRecipient))],
        Return = message.Envelope.Return,
        EnvelopeId = message.Envelope.EnvelopeId,
        EightBitMime = message.Envelope.EightBitMime,
        SmtpUtf8 = message.Envelope.SmtpUtf8,
        Tls = message.Envelope.Tls == TlsDemand.Policy ? null : message.Envelope.Tls,
        PrologueLength = message.Content.Prologue.Length,
        Chunks = message.Content.Chunks,
        Length = message.Content.Length,
        HasEightBit = message.Content.HasEightBit,
        HasEightBitHeader = message.Content.HasEightBitHeader,
        BodyHash = message.Content.IsPersonal ? message.Content.BodyHash.ToArray() : null,
        AcceptedAt = message.AcceptedAt,
        SendAt = message.SendAt,
        PacedTo = message.PacedTo,
        ExpiresAt = message.ExpiresAt,
        From = message.From,
        Subject = message.Subject,
        MessageId = message.MessageIdHeader,
        Alignment = message.Alignment,
        Tags = message.Tags.Count == 0 ? null : [.. message.Tags],
        Metadata = message.Metadata.Count == 0 ? null : new(message.Metadata),
        RepeatKey = message.RepeatKey,
        ReportsFailures = message.ReportsFailures,
        TraceParent = message.TraceParent,
    };

    /// <exception cref="FormatException">An address is not one.</exception>
    public Message ToMessage(MessageId id, ReadOnlyMemory<byte> octets) => new()
    {
        Id = id,
        Account = Account,
        Credential = Credential,
        Source = Source,
        Mode = Mode,
        Class = Class,
        Stream = Stream,
        Envelope = new Envelope
        {
            Sender = Sender is null ? null : EnvelopeAddress.Parse(Sender),
            Recipients = [.. Recipients.Select(r => r.ToRecipient())],
            Return = Return,
            EnvelopeId = EnvelopeId,
            EightBitMime = EightBitMime,
            SmtpUtf8 = SmtpUtf8,
            Tls = Tls ?? TlsDemand.Policy,
        },
        ReturnPath = ReturnPath is null ? null : EnvelopeAddress.Parse(ReturnPath),
        Webhook = Webhook,
        Content = new MessageContent
        {
            Prologue = octets[..PrologueLength],
            Head = octets[PrologueLength..],
            Chunks = Chunks,
            Length = Length,
            HasEightBit = HasEightBit,
            HasEightBitHeader = HasEightBitHeader,
            BodyHash = BodyHash,
        },
        AcceptedAt = AcceptedAt,
        SendAt = SendAt,
        PacedTo = PacedTo,
        ExpiresAt = ExpiresAt,
        From = From ?? "",
        Subject = Subject ?? "",
        MessageIdHeader = MessageId ?? "",
        Alignment = Alignment,
        Tags = Tags ?? [],
        Metadata = Metadata ?? [],
        RepeatKey = RepeatKey,
        ReportsFailures = ReportsFailures,
        TraceParent = TraceParent,
    };
}

/// <param name="Notify">A number, since null, nothing and several flags all differ.</param>
internal sealed record RecipientHeader(string Address, int? Notify, string? OriginalRecipient)
{
    public Recipient ToRecipient() => new()
    {
        Address = EnvelopeAddress.Parse(Address),
        Notify = (DsnNotify?)Notify,
        OriginalRecipient = OriginalRecipient,
    };
}
