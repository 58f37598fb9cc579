namespace Relay.Smtp.Commands;

/// <summary>The commands a server answers. <see cref="VerbOrder"/> has a row for each, in this order.</summary>
public enum SmtpVerb
{
    Unknown,
    Helo,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
}
