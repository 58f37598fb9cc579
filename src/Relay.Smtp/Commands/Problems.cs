using Relay.Smtp.Replies;

namespace Relay.Smtp.Commands;

/// <summary>What can be wrong with a command by itself, as the reply that says so.</summary>
internal static class Problems
{
    public static readonly SmtpReply UnknownCommand = new(500, "5.5.1", "Command not recognized");
    public static readonly SmtpReply LineTooLong = new(500, "5.5.2", "Line too long");
    public static readonly SmtpReply EightBit = new(500, "5.5.2", "Command holds octets outside ASCII");
    public static readonly SmtpReply NoArguments = new(501, "5.5.4", "No argument is allowed here");
    public static readonly SmtpReply NameMissing = new(501, "5.5.4", "A host name must follow");
    public static readonly SmtpReply AuthSyntax = new(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]");
    public static readonly SmtpReply MailSyntax = new(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]");
    public static readonly SmtpReply RcptSyntax = new(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]");
    public static readonly SmtpReply VrfySyntax = new(501, "5.5.4", "Syntax: VRFY address");
    public static readonly SmtpReply BdatSyntax = new(501, "5.5.4", "Syntax: BDAT octets [LAST], the octets in decimal digits");
    public static readonly SmtpReply NotUtf8 = new(553, "5.6.7", "The address is not UTF-8");
    public static readonly SmtpReply UnknownParameter = new(555, "5.5.4", "A parameter is not recognized");
    public static readonly SmtpReply RepeatedParameter = new(501, "5.5.4", "A parameter is given twice");
    public static readonly SmtpReply BadSize = new(501, "5.5.4", "SIZE must be a number of octets");
    public static readonly SmtpReply BadBody = new(501, "5.5.4", "BODY must be 7BIT or 8BITMIME");
    public static readonly SmtpReply BadSmtpUtf8 = new(501, "5.5.4", "SMTPUTF8 takes no value");
    public static readonly SmtpReply BadRequireTls = new(501, "5.5.4", "REQUIRETLS takes no value");
    public static readonly SmtpReply BadAuth = new(501, "5.5.4", "AUTH must be an address in xtext or <>");
    public static readonly SmtpReply BadReturn = new(501, "5.5.4", "RET must be FULL or HDRS");
    public static readonly SmtpReply BadEnvelopeId = new(501, "5.5.4", "ENVID must be at most 100 octets of xtext");
    public static readonly SmtpReply BadNotify = new(501, "5.5.4", "NOTIFY must be NEVER, or of SUCCESS, FAILURE and DELAY");
    public static readonly SmtpReply BadOriginalRecipient = new(501, "5.5.4", "ORCPT must be a type and an address in xtext, at most 500 octets");

    // We relay for those who log in, along our own routes; a path of the sender's choosing only helps to hide one
    // address in another (RFC 5321, F.2).
    public static readonly SmtpReply SenderRoute = new(553, "5.1.7", "Sender address rejected: source routes are not accepted");
    public static readonly SmtpReply RecipientRoute = new(553, "5.1.3", "Recipient address rejected: source routes are not accepted");

    public static SmtpReply BadSender(string problem) => new(501, "5.1.7", $"Sender address rejected: {problem}");

    public static SmtpReply BadRecipient(string problem) => new(501, "5.1.3", $"Recipient address rejected: {problem}");
}
