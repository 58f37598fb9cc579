using System.Net;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;
using Relay.Smtp.Commands;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>What stands behind a door: it decides who may bring mail, for whom, and takes it.</summary>
internal interface IMailDesk
{
    /// <summary>Where the transaction's content goes beyond its first octets.</summary>
    IContentPlace PlaceFor(Transaction transaction);

    /// <summary>What is said against a transaction of this sender; null when nothing is.</summary>
    /// <param name="credential">Null where nobody logs in.</param>
    ValueTask<SmtpReply?> CheckSenderAsync(SmtpCommand.Mail mail, Credential? credential);

    /// <summary>What is said against a recipient; null when nothing is.</summary>
    ValueTask<SmtpReply?> CheckRecipientAsync(Transaction transaction, EnvelopeAddress recipient);

    /// <summary>An id for a mail whose first octets are at hand.</summary>
    MessageId CreateId(Transaction transaction, ReadOnlyMemory<byte> head);

    /// <summary>Takes a mail that has come whole. Not cancelled when the client goes: it has said all it had to.</summary>
    ValueTask<DeskAnswer> TakeAsync(Transaction transaction, IncomingContent content, DeskFacts facts);
}

/// <summary>What the dialogue knows of whoever brings a mail.</summary>
/// <param name="Encryption">Protocol and cipher; null in clear text.</param>
internal readonly record struct DeskFacts(SmtpCommand.Hello Hello, IPAddress Client, string? Encryption);

/// <summary>Either the id under which a mail is durable, or what is said instead.</summary>
internal readonly record struct DeskAnswer(MessageId Id, SmtpReply? Refusal = null)
{
    public static DeskAnswer No(SmtpReply refusal) => new(default, refusal);
}
