using Relay.Intake.Admission;
using Relay.Smtp.Commands;
using Relay.Smtp.Content;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// What the door says. Replies without anything variable stand here as they go over the wire; each has its enhanced
/// code (RFC 2034) but for the greeting, EHLO and 3yz.
/// </summary>
internal static class Replies
{
    public static ReadOnlySpan<byte> SenderOk => "250 2.1.0 Ok\r\n"u8;
    public static ReadOnlySpan<byte> RecipientOk => "250 2.1.5 Ok\r\n"u8;
    public static ReadOnlySpan<byte> SendData => "354 End data with <CR><LF>.<CR><LF>\r\n"u8;
    public static ReadOnlySpan<byte> Ok => "250 2.0.0 Ok\r\n"u8;
    public static ReadOnlySpan<byte> Bye => "221 2.0.0 Bye\r\n"u8;
    public static ReadOnlySpan<byte> Help => "214 2.0.0 https://www.rfc-editor.org/rfc/rfc5321\r\n"u8;
    public static ReadOnlySpan<byte> WillTry => "252 2.0.0 Cannot verify the address, but will accept mail for it and try to deliver\r\n"u8;

    public static ReadOnlySpan<byte> ReadyForTls => "220 2.0.0 Ready to start TLS\r\n"u8;
    public static ReadOnlySpan<byte> TlsActive => "503 5.5.1 TLS is active already\r\n"u8;
    public static ReadOnlySpan<byte> TlsNotOffered => "502 5.5.1 STARTTLS is not offered here\r\n"u8;
    public static ReadOnlySpan<byte> TlsUnavailable => "454 4.7.0 TLS is not available right now\r\n"u8;

    public static ReadOnlySpan<byte> AskPlain => "334 \r\n"u8;
    public static ReadOnlySpan<byte> AskUserName => "334 VXNlcm5hbWU6\r\n"u8;
    public static ReadOnlySpan<byte> AskPassword => "334 UGFzc3dvcmQ6\r\n"u8;
    public static ReadOnlySpan<byte> LoggedIn => "235 2.7.0 Authentication successful\r\n"u8;
    public static ReadOnlySpan<byte> LoginFailed => "535 5.7.8 Authentication credentials invalid\r\n"u8;
    public static ReadOnlySpan<byte> LoginUnavailable => "454 4.7.0 Temporary authentication failure\r\n"u8;
    public static ReadOnlySpan<byte> LoginCancelled => "501 5.7.0 Authentication cancelled\r\n"u8;
    public static ReadOnlySpan<byte> LoginMalformed => "501 5.5.2 Authentication response is malformed\r\n"u8;
    public static ReadOnlySpan<byte> LoginTooLong => "500 5.5.6 Authentication response is too long\r\n"u8;
    public static ReadOnlySpan<byte> UnknownMechanism => "504 5.5.4 Authentication mechanism is not supported\r\n"u8;
    public static ReadOnlySpan<byte> LoginNotOffered => "502 5.5.1 AUTH is not offered here\r\n"u8;
    public static ReadOnlySpan<byte> LoginNeedsTls => "538 5.7.11 Encryption is required before logging in; use STARTTLS\r\n"u8;
    public static ReadOnlySpan<byte> TlsFirst => "530 5.7.0 Must issue a STARTTLS command first\r\n"u8;
    public static ReadOnlySpan<byte> LoginFirst => "530 5.7.0 Authentication required\r\n"u8;

    public static ReadOnlySpan<byte> LineTooLong => "500 5.5.2 Line too long\r\n"u8;
    public static ReadOnlySpan<byte> LineCorrupt => "500 5.5.2 A line ends with CR LF and holds no CR, LF or NUL\r\n"u8;
    public static ReadOnlySpan<byte> OutOfStep => "554 5.5.0 Data was sent before the reply it had to wait for; closing connection\r\n"u8;
    public static ReadOnlySpan<byte> Utf8Needed => "553 5.6.7 An address outside ASCII needs SMTPUTF8\r\n"u8;
    public static ReadOnlySpan<byte> RequireTlsNeedsTls => "555 5.5.4 REQUIRETLS is not offered in clear text; use STARTTLS\r\n"u8;
    public static ReadOnlySpan<byte> TooManyRecipients => "452 4.5.3 Too many recipients\r\n"u8;

    public static ReadOnlySpan<byte> Full => "421 4.3.2 Too many clients are connected, try again later\r\n"u8;

    public static ReadOnlySpan<byte> TooManyConnections => "421 4.7.0 Too many connections, try again later\r\n"u8;
    public static ReadOnlySpan<byte> TooManyBadCommands => "421 4.7.0 Too many errors, closing connection\r\n"u8;
    public static ReadOnlySpan<byte> TooManyCommands => "421 4.7.0 Too many commands without a login, closing connection\r\n"u8;
    public static ReadOnlySpan<byte> TooManyLogins => "421 4.7.0 Too many failed logins, closing connection\r\n"u8;

    public static readonly SmtpReply NoDomain = new(501, "5.1.3", "The address has no domain");
    public static readonly SmtpReply UnknownRecipient = new(550, "5.1.1", "No such address here");
    public static readonly SmtpReply NotKnownYet = new(451, "4.3.0", "Whether there is such an address here cannot be told right now, try again later");
    public static readonly SmtpReply TooEarly = new(451, "4.2.0", "The mail that this is about is still under way here, try again later");

    public static readonly SmtpReply OneWayAtATime = new(452, "4.5.3", "Mail for this recipient goes another way; send it in a transaction of its own");
    public static readonly SmtpReply GoesRound = new(554, "5.4.6", "The message has passed more than 100 hosts; it seems to go round");

    public static readonly SmtpReply TooMuchRouted = new(451, "4.3.2", "Too much mail for this recipient at the moment, try again later");

    public static readonly SmtpReply TooLarge = new(552, "5.3.4", "Message exceeds the size limit");
    public static readonly SmtpReply BareCr = new(550, "5.6.0", "Message holds a CR without LF; lines must end with CR LF");
    public static readonly SmtpReply BareLf = new(550, "5.6.0", "Message holds a LF without CR; lines must end with CR LF");
    public static readonly SmtpReply Nul = new(550, "5.6.0", "Message holds a NUL octet");
    public static readonly SmtpReply ContentLineTooLong = new(550, "5.6.0", "Message holds a line that is too long");
    public static readonly SmtpReply StoreFull = new(452, "4.3.1", "There is no room for the message right now");
    public static readonly SmtpReply StoreUnavailable = new(451, "4.3.0", "The message could not be stored right now");

    public static SmtpReply LoginMisplaced(string text) => new(535, "5.7.1", text);

    /// <summary>What stands in a command's way; not for <see cref="Turn.LoginFirst"/>, which depends on TLS.</summary>
    public static ReadOnlySpan<byte> NotYet(Turn turn) => turn switch
    {
        Turn.HelloFirst => "503 5.5.1 Send EHLO first\r\n"u8,
        Turn.LoggedInAlready => "503 5.5.1 Already authenticated\r\n"u8,
        Turn.SenderFirst => "503 5.5.1 Need MAIL first\r\n"u8,
        Turn.SenderAlready => "503 5.5.1 A transaction is open already\r\n"u8,
        Turn.RecipientFirst => "554 5.5.1 No valid recipients\r\n"u8,
        Turn.LastChunkFirst => "503 5.5.1 Need BDAT LAST or RSET first\r\n"u8,
        Turn.ResetFirst => "503 5.5.1 A BDAT was refused; need RSET first\r\n"u8,
        _ => "503 5.5.1 Not now\r\n"u8,
    };

    /// <summary>The last words to a client that let us wait, or that we cannot serve on.</summary>
    public static ReadOnlySpan<byte> Farewell(WireEnd end) => end switch
    {
        WireEnd.Idle => "421 4.4.2 Idle for too long, closing connection\r\n"u8,
        WireEnd.TooSlow => "421 4.4.2 Data comes too slowly, closing connection\r\n"u8,
        WireEnd.TooLong => "421 4.4.2 Session lasts too long, closing connection\r\n"u8,
        WireEnd.Stopping => "421 4.3.2 Service is stopping, closing connection\r\n"u8,
        _ => default,
    };

    public static SmtpReply? Of(ContentFault fault) => fault switch
    {
        ContentFault.BareCr => BareCr,
        ContentFault.BareLf => BareLf,
        ContentFault.Nul => Nul,
        _ => null,
    };

    /// <summary>The gate's no in SMTP's codes, as <see cref="RefusalReason"/> documents them.</summary>
    public static SmtpReply Of(Refusal refusal) => refusal.Reason switch
    {
        RefusalReason.NotAllowed or RefusalReason.SenderNotVerified => new(550, "5.7.1", refusal.Text),
        RefusalReason.KeyIsOver => new(421, "4.7.0", refusal.Text),
        RefusalReason.HeaderInvalid => new(550, "5.6.0", refusal.Text),
        RefusalReason.Looping => new(554, "5.4.6", refusal.Text),
        RefusalReason.NoRecipients => new(554, "5.5.1", refusal.Text),
        RefusalReason.IdempotencyMismatch => new(550, "5.5.4", refusal.Text),
        RefusalReason.QuotaExceeded => new(450, "4.7.1", refusal.Text),
        RefusalReason.StoreFull => new(452, "4.3.1", refusal.Text),
        _ => new(451, "4.3.0", refusal.Text),
    };

    /// <summary>The same, for MAIL: WP Mail SMTP shows its users what follows these words.</summary>
    public static SmtpReply OfSender(Refusal refusal) => refusal.Reason is RefusalReason.NotAllowed or RefusalReason.SenderNotVerified
        ? new(550, "5.7.1", $"Sender address rejected: {refusal.Text}")
        : Of(refusal);
}
