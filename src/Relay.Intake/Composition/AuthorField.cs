using System.Buffers;
using MimeKit;
using Relay.Smtp.Addresses;

namespace Relay.Intake.Composition;

/// <summary>Reads whose name a message bears: the addresses in From and Sender (RFC 5322, 3.6.2).</summary>
internal static class AuthorField
{
    // Room for some dozens of authors. Bounds whatever a parser might do with nested comments.
    private const int MaxOctets = 8 * 1024;

    // What may make one field mean two things to two readers.
    private static readonly SearchValues<char> Specials = SearchValues.Create("<>()[]:;@\\,\"");

    private static readonly ParserOptions Strict = new()
    {
        AddressParserComplianceMode = RfcComplianceMode.Strict,
        AllowAddressesWithoutDomain = false,
        AllowUnquotedCommasInAddresses = false,
    };

    /// <summary>The addresses, at least one; false when the field is not a plain list of them. Groups are refused: they may name nobody.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out IReadOnlyList<EnvelopeAddress> authors)
    {
        authors = [];
        if (value.Length > MaxOctets)
        {
            return false;
        }

        if (TryReadPlain(HeaderText.Unfold(value), out var author))
        {
            authors = [author];
            return true;
        }

        if (!InternetAddressList.TryParse(Strict, value.ToArray(), out var list) || list.Count == 0)
        {
            return false;
        }

        authors = [.. list.Select(AddressOf).OfType<EnvelopeAddress>()];
        return authors.Count == list.Count;
    }

    // What nearly everyone sends: an address, or a name without tricks before an address in angle brackets.
    private static bool TryReadPlain(string text, out EnvelopeAddress author)
    {
        var open = text.LastIndexOf('<');
        if (open < 0)
        {
            return EnvelopeAddress.TryParse(text, out author);
        }

        author = null!;
        return text[^1] == '>'
            && IsPlainName(text.AsSpan(0, open).Trim())
            && EnvelopeAddress.TryParse(text[(open + 1)..^1], out author);
    }

    private static bool IsPlainName(ReadOnlySpan<char> name) => name is ['"', .. var quoted, '"']
        ? !quoted.ContainsAny('"', '\\')
        : !name.ContainsAny(Specials);

    private static EnvelopeAddress? AddressOf(InternetAddress address) =>
        address is MailboxAddress { Route.Count: 0 } mailbox && EnvelopeAddress.TryParse(mailbox.Address, out var parsed) ? parsed : null;
}
