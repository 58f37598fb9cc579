namespace Relay.Feedback.Incoming;

/// <summary>Mail that a List-Unsubscribe address was written for (RFC 2369, 3.2); mail programs send it empty or with the subject it names.</summary>
internal static class UnsubscribeWishes
{
    private static readonly string[] Words =
    [
        "unsubscribe", "remove me", "opt-out", "opt out", "optout", "take me off", "abmelden", "abbestellen", "austragen", "désabonner", "desabonner", "désinscription", "desinscription", "se désinscrire", "darse de baja",
        "cancelar suscripción", "disiscriv", "cancella iscrizione", "cancelar inscrição", "afmelden", "uitschrijven", "avregistrera", "afmeld", "wypisz", "отписаться", "配信停止", "退会", "退订", "取消订阅",
    ];

    // Wishes where nothing else is said: with more behind them they begin other sentences (a sick leave is a "baja médica").
    private static readonly string[] WholeWords = ["baja"];

    private static readonly string[] Mailboxes = ["unsubscribe", "unsub", "list-unsubscribe", "optout", "opt-out", "leave"];

    public static IncomingReport? Read(Letter letter)
    {
        var header = letter.Header;
        return !header.Has("X-Failed-Recipients") && letter.Status.Count == 0
            && (header["X-Apple-Unsubscribe"] is not null || IsWish(header) || (IsToMailbox(header) && !IsFromDaemon(header)) || IsWholeWish(letter))
            ? AutoReplies.Of(letter, ReportKind.Unsubscribe, "unsubscribe")
            : null;
    }

    // A machine that answers in somebody's name may begin with any word: of its subject nothing less than the whole counts, of
    // its words none. Mail programs mark as automatic what they send for a click, too.
    private static bool IsWish(FieldList header) =>
        header["Subject"] is { } subject && (IsAnswer(header) ? IsWhole(TitleOf(subject)) : BeginsWithWish(subject));

    private static bool IsAnswer(FieldList header) => AutoReplies.IsMarked(header) || AutoReplies.IsCalledOne(header["Subject"] ?? "");

    private static bool BeginsWithWish(string text)
    {
        var title = TitleOf(text);
        return IsWhole(title)
            || Array.Exists(Words, word => title.StartsWith(word, StringComparison.Ordinal) && !char.IsLetter(title[word.Length]));
    }

    private static bool IsWhole(string title) => Words.Contains(title) || WholeWords.Contains(title);

    private static string TitleOf(string text) => text.Trim(' ', '"', '\'', '[', ']', '.', '!').ToLowerInvariant();

    // Subject "Re: your newsletter", body "unsubscribe".
    private static bool IsWholeWish(Letter letter) =>
        letter.Words.Length < 4_000 && !IsAnswer(letter.Header) && FirstLine(letter.Words) is { Length: < 40 } line && BeginsWithWish(line);

    private static string FirstLine(string words) => words.TrimStart().Split('\n', 2)[0];

    private static bool IsToMailbox(FieldList header) =>
        AddressText.Find(header["To"] ?? "") is { } to && Array.Exists(Mailboxes, name => to.StartsWith(name, StringComparison.OrdinalIgnoreCase) && !char.IsLetterOrDigit(to[name.Length]));

    private static bool IsFromDaemon(FieldList header) => (header["From"] ?? "").ContainsAny("mailer-daemon", "postmaster", "mail delivery") || header["Return-Path"]?.Trim() is "<>";
}
