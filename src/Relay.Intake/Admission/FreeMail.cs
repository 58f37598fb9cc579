using System.Collections.Frozen;

namespace Relay.Intake.Admission;

/// <summary>
/// Domains of free mailboxes. Their owners say by DMARC, or by practice, that nobody else sends in their name: receivers refuse
/// such mail, or put it among spam, whoever owns the mailbox.
/// </summary>
internal static class FreeMail
{
    private static readonly FrozenSet<string> Domains = new[]
    {
        "gmail.com", "googlemail.com",
        "yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.co.in", "yahoo.co.jp", "yahoo.com.br",
        "ymail.com", "rocketmail.com", "aol.com", "aim.com",
        "outlook.com", "outlook.de", "outlook.fr", "hotmail.com", "hotmail.co.uk", "hotmail.de", "hotmail.fr", "hotmail.it", "hotmail.es", "live.com", "live.co.uk", "live.de", "live.fr", "msn.com",
        "icloud.com", "me.com", "mac.com",
        "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.ru", "yandex.ru", "yandex.com", "proton.me", "protonmail.com",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <param name="domain">Lower case.</param>
    public static bool Has(string domain) => Domains.Contains(domain);
}
