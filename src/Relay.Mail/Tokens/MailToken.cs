using Relay.Mail.Messages;

namespace Relay.Mail.Tokens;

/// <summary>What a token says, once its signature has shown that we made it: the mail it came with, and what it is good for.</summary>
/// <param name="Recipient">Index into the envelope's recipients; null where one address serves them all.</param>
public readonly record struct MailToken(TokenPurpose Purpose, MessageId Message, int? Recipient);

/// <summary>A token of one purpose is worth nothing for another. The numbers stand in mail that has left: never change one.</summary>
public enum TokenPurpose
{
    /// <summary>The envelope sender towards the world: bounces come back to it.</summary>
    ReturnPath = 1,

    /// <summary>Where receivers send complaints of their users.</summary>
    Complaint = 2,

    /// <summary>Takes a recipient off, by mail or by a link.</summary>
    Unsubscribe = 3,
}
