using System.Buffers;
using System.Globalization;
using System.Text;

namespace Relay.Smtp.Addresses;

/// <summary>
/// A mailbox as it stands in an envelope: a local part, which only its own domain may interpret and which is kept as it
/// came, and a domain (RFC 5321, 4.1.2; RFC 6531, 3.3). At most 64 octets, 255 octets and 254 octets in all.
/// </summary>
/// <remarks>No value of this type holds CR, LF, NUL, a space outside quotes, or an unquoted angle bracket, so it can be written into a command as it is.</remarks>
public sealed class EnvelopeAddress : IEquatable<EnvelopeAddress>
{
    public const int MaxLocalPartOctets = 64;
    public const int MaxDomainOctets = 255;
    // A path is at most 256 octets with its angle brackets (RFC 5321, 4.5.3.1.3).
    public const int MaxOctets = 254;

    private static readonly SearchValues<char> AtomText =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~");

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true, AllowUnassigned = false };

    private EnvelopeAddress(string localPart, string domainAsGiven, string domain)
    {
        LocalPart = localPart;
        Domain = domain;
        Text = $"{localPart}@{domainAsGiven}";
        NeedsSmtpUtf8 = !Ascii.IsValid(Text);
    }

    /// <summary>The postmaster of whoever is asked: the one recipient that may go without a domain (RFC 5321, 4.1.1.3).</summary>
    public static EnvelopeAddress BarePostmaster { get; } = new("postmaster", "localhost", "localhost");

    public bool IsBarePostmaster => ReferenceEquals(this, BarePostmaster);

    /// <summary>The local part as it came, with its quotes if it had any.</summary>
    public string LocalPart { get; }

    /// <summary>The domain for look-ups and comparison: lower case, A-labels, or an address literal with its brackets.</summary>
    public string Domain { get; }

    /// <summary>The whole address as it came.</summary>
    public string Text { get; }

    /// <summary>Whether the address as it came holds a character outside ASCII, so that it may travel only with SMTPUTF8 (RFC 6531, 3.4).</summary>
    public bool NeedsSmtpUtf8 { get; }

    /// <summary>Whether the domain is an address literal, <c>[192.0.2.1]</c> (RFC 5321, 4.1.3).</summary>
    public bool IsLiteral => Domain[0] == '[';

    /// <summary>The address with an internationalised domain as A-labels; the form that needs no SMTPUTF8 if the local part is ASCII.</summary>
    public string AsciiDomainText => $"{LocalPart}@{Domain}";

    /// <summary>Reads an address without angle brackets; <paramref name="problem"/> says what is wrong, for people.</summary>
    public static bool TryParse(string? text, out EnvelopeAddress address, out string problem)
    {
        address = null!;
        problem = "";

        if (string.IsNullOrEmpty(text))
        {
            problem = "the address is empty";
        }
        else if (Encoding.UTF8.GetByteCount(text) > MaxOctets)
        {
            problem = $"the address is longer than {MaxOctets} octets";
        }
        else if (LocalPartLength(text) is var length && length <= 0)
        {
            problem = text[0] == '"' ? "the quoted local part is malformed" : "the local part is malformed";
        }
        else if (length == text.Length || text[length] != '@')
        {
            problem = text.Contains('@', StringComparison.Ordinal) ? "the local part is malformed" : "the address has no @";
        }
        else if (Encoding.UTF8.GetByteCount(text.AsSpan(0, length)) > MaxLocalPartOctets)
        {
            problem = $"the local part is longer than {MaxLocalPartOctets} octets";
        }
        else if (!TryNormaliseDomain(text[(length + 1)..], out var domain))
        {
            problem = "the domain is malformed";
        }
        else
        {
            address = new EnvelopeAddress(text[..length], text[(length + 1)..], domain);
            return true;
        }

        return false;
    }

    public static bool TryParse(string? text, out EnvelopeAddress address) => TryParse(text, out address, out _);

    /// <summary>Reads an address that is known to be good, such as one from our own store.</summary>
    /// <exception cref="FormatException">It is not one.</exception>
    public static EnvelopeAddress Parse(string text) =>
        TryParse(text, out var address, out var problem) ? address : throw new FormatException($"'{text}': {problem}");

    /// <summary>Brings a domain to the form of <see cref="Domain"/>; false when it is not one.</summary>
    public static bool TryNormaliseDomain(string text, out string domain)
    {
        domain = "";

        if (text.Length == 0 || text.Length > MaxDomainOctets)
        {
            return false;
        }

        if (text[0] == '[')
        {
            domain = text.ToLowerInvariant();
            return IsAddressLiteral(text);
        }

        try
        {
            domain = Idn.GetAscii(text).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return false;
        }

        // A trailing dot is legal in DNS but not in an envelope.
        return domain.Length <= MaxDomainOctets && domain[^1] != '.';
    }

    /// <summary>The local part is compared as it is, since only its domain knows which cases are one (RFC 5321, 2.4).</summary>
    public bool Equals(EnvelopeAddress? other) =>
        other is not null && LocalPart == other.LocalPart && Domain == other.Domain;

    public override bool Equals(object? obj) => Equals(obj as EnvelopeAddress);

    public override int GetHashCode() => HashCode.Combine(LocalPart, Domain);

    public override string ToString() => Text;

    private static bool IsAddressLiteral(string text)
    {
        if (text.Length < 3 || text[^1] != ']')
        {
            return false;
        }

        var inner = text[1..^1];
        return inner.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase)
            ? System.Net.IPAddress.TryParse(inner[5..], out var six) && six.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            : inner.Split('.').Length == 4 && System.Net.IPAddress.TryParse(inner, out var four) && four.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
    }

    // Length of the local part at the start of the text, or 0.
    private static int LocalPartLength(ReadOnlySpan<char> text) => text[0] == '"' ? QuotedLength(text) : DotStringLength(text);

    private static int DotStringLength(ReadOnlySpan<char> text)
    {
        var position = 0;
        var atomStart = 0;
        for (; position < text.Length && text[position] != '@'; position++)
        {
            var c = text[position];
            if (c == '.')
            {
                if (position == atomStart)
                {
                    return 0;
                }

                atomStart = position + 1;
            }
            else if (!AtomText.Contains(c) && !IsInternational(c))
            {
                return 0;
            }
        }

        return position == atomStart ? 0 : position;
    }

    private static int QuotedLength(ReadOnlySpan<char> text)
    {
        for (var position = 1; position < text.Length; position++)
        {
            var c = text[position];
            if (c == '"')
            {
                return position + 1;
            }

            if (c == '\\')
            {
                position++;
                if (position >= text.Length || text[position] is < ' ' or > '~')
                {
                    return 0;
                }
            }
            else if (c is < ' ' or '\u007f' || (c > '~' && !IsInternational(c)))
            {
                return 0;
            }
        }

        return 0;
    }

    // U+0080 and up, but no C1 control and no line or paragraph separator, which some software takes for a line end.
    private static bool IsInternational(char c) => c > '\u009f' && c is not ('\u2028' or '\u2029' or '\ufffd');
}
