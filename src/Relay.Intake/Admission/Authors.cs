using Relay.Intake.Composition;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Admission;

/// <summary>The names a header bears, once the header has been found to be one that nobody can read in two ways (RFC 5322, 3.6).</summary>
/// <param name="From">At least one.</param>
internal sealed record Authors(IReadOnlyList<EnvelopeAddress> From, EnvelopeAddress? Sender)
{
    private static readonly (HeaderField Field, string Name)[] Single =
    [
        (HeaderField.From, "From"),
        (HeaderField.Sender, "Sender"),
        (HeaderField.ReplyTo, "Reply-To"),
        (HeaderField.To, "To"),
        (HeaderField.Cc, "Cc"),
        (HeaderField.Subject, "Subject"),
        (HeaderField.Date, "Date"),
        (HeaderField.MessageId, "Message-ID"),
    ];

    /// <summary>Null when the header is sound.</summary>
    public static Refusal? Read(HeaderBlock header, out Authors authors)
    {
        authors = null!;
        if (header.GoesRound)
        {
            return new Refusal(RefusalReason.Looping, "the message has passed more than 100 hosts; it seems to go round");
        }

        foreach (var (field, name) in Single)
        {
            if (header.Count(field) > 1)
            {
                return Invalid($"the header has more than one {name} field");
            }
        }

        if (header.Count(HeaderField.From) == 0)
        {
            return Invalid("the header has no From field");
        }

        if (!AuthorField.TryRead(header.Value(HeaderField.From), out var from))
        {
            return Invalid("the From field is not a list of addresses like Name <user@example.com>");
        }

        if (header.Count(HeaderField.Sender) == 0)
        {
            authors = new Authors(from, null);
            return null;
        }

        if (!AuthorField.TryRead(header.Value(HeaderField.Sender), out var senders) || senders is not [var sender])
        {
            return Invalid("the Sender field is not one address like Name <user@example.com>");
        }

        authors = new Authors(from, sender);
        return null;
    }

    private static Refusal Invalid(string text) => new(RefusalReason.HeaderInvalid, text);
}
