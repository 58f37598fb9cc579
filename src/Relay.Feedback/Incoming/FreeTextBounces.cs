using Relay.Mail.Classification;

namespace Relay.Feedback.Incoming;

/// <summary>Bounces in words alone: qmail, Exim, old Exchange, Notes, gateways and carriers, in many languages.</summary>
internal static class FreeTextBounces
{
    private const int MaxRecipients = 1_000;

    public static IncomingReport? Read(Letter letter)
    {
        if (!BounceSigns.AreIn(letter))
        {
            return null;
        }

        var delayed = BounceSigns.IsDelay(letter);
        var recipients = new List<ReportedRecipient>();
        foreach (var told in Find(letter).DistinctBy(told => told.Address, StringComparer.OrdinalIgnoreCase).Take(MaxRecipients))
        {
            var words = RemoteWords.Read(told.Reply, null, told.Phase);
            var phase = words.Phase != SmtpPhase.Unknown ? words.Phase
                : words.Code is null ? SmtpPhase.Local
                : DialoguePhase.OfReply(words, told.Address);
            recipients.Add(Verdicts.Judge(
                told.Address, null, new RemoteWords { Code = words.Code, Status = words.Status, Text = words.Text, Host = HostOf(letter), Phase = phase }, letter.Speech, delayed));
        }

        return new IncomingReport { Kind = ReportKind.Bounce, Recipients = recipients, OriginalMessageId = letter.Returned["Message-ID"] };
    }

    private static IEnumerable<ToldRecipient> Find(Letter letter)
    {
        // The mail's own addressee is whom it tells, not whom it is about.
        var told = letter.Told;
        var sender = letter.Header.All("To").Concat(letter.Header.All("From")).SelectMany(AddressText.FindAll).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var others = told.Where(recipient => !sender.Contains(recipient.Address)).ToList();
        var named = letter.Header.All("X-Failed-Recipients").SelectMany(AddressText.FindAll).ToList();
        if (named.Count > 0)
        {
            return named.Select(address => told.FirstOrDefault(r => r.Address.Equals(address, StringComparison.OrdinalIgnoreCase)) ?? About(address, letter, named.Count == 1));
        }

        if (others.Count > 0 || told.Count > 0)
        {
            return others.Count > 0 ? others : told;
        }

        // Nobody is named: then it is about whom the mail was for.
        var returned = letter.ReturnedTo.ToList();
        return returned.Where(address => !sender.Contains(address)).Concat(returned).Take(1).Select(address => About(address, letter, alone: true));
    }

    private static ToldRecipient About(string address, Letter letter, bool alone)
    {
        var told = ReplyFinder.About(address, letter, alone);
        return new ToldRecipient(address, told.Reply ?? letter.Speech.Trim(), told.Phase);
    }

    // The domain of the daemon: for words that only some providers mean so.
    private static string? HostOf(Letter letter) =>
        AddressText.Find(letter.Header["From"] ?? "") is { } from ? from[(from.LastIndexOf('@') + 1)..] : null;
}
