namespace Relay.Feedback.Incoming;

/// <summary>Mail that a List-Unsubscribe address was written for (RFC 2369, 3.2); mail programs send it empty or with the subject it names.</summary>
internal static class UnsubscribeWishes
{
    private static readonly string[] Words =
    [
        "unsubscribe", "remove me", "opt-out", "opt out", "optout", "take me off", "abmelden", "abbestellen", "austragen", "désabonner", "desabonner", "désinscription", "desinscription", "se désinscrire", "darse de baja", "baja",
        "cancelar suscripción", "disiscriv", "cancella iscrizione", "cancelar inscrição", "afmelden", "uitschrijven", "avregistrera", "afmeld", "wypisz", "отписаться", "配信停止", "退会", "退订", "取消订阅",
    ];

    private static readonly string[] Mailboxes = ["unsubscribe", "unsub", "list-unsubscribe", "optout", "opt-out", "leave"];

    public static IncomingReport? Read(Letter letter)
    {
        var header = letter.Header;
        return !header.Has("X-Failed-Recipients") && letter.Status.Count == 0
            && (header["X-Apple-Unsubscribe"] is not null || IsWish(header["Subject"] ?? "") || (IsToMailbox(header) && !IsFromDaemon(header)) || IsWholeWish(letter))
            ? AutoReplies.Of(letter, ReportKind.Unsubscribe, "unsubscribe")
            : null;
    }

    private static bool IsWish(string subject)
    {
        var title = subject.Trim(' ', '"', '\'', '[', ']', '.', '!').ToLowerInvariant();
        return Array.Exists(Words, word => title == word || (title.StartsWith(word, StringComparison.Ordinal) && !char.IsLetter(title[word.Length])));
    }

    // Subject "Re: your newsletter", body "unsubscribe".
    private static bool IsWholeWish(Letter letter) => letter.Words.Length < 4_000 && IsWish(FirstLine(letter.Words)) && FirstLine(letter.Words).Length < 40;

    private static string FirstLine(string words) => words.TrimStart().Split('\n', 2)[0];

    private static bool IsToMailbox(FieldList header) =>
        AddressText.Find(header["To"] ?? "") is { } to && Array.Exists(Mailboxes, name => to.StartsWith(name, StringComparison.OrdinalIgnoreCase) && !char.IsLetterOrDigit(to[name.Length]));

    private static bool IsFromDaemon(FieldList header) => (header["From"] ?? "").ContainsAny("mailer-daemon", "postmaster", "mail delivery") || header["Return-Path"]?.Trim() is "<>";
}
