using System.Text;

namespace Relay.Feedback.Incoming;

/// <summary>Turns octets into text, whatever they are called: a label may be missing, made up, or wrong.</summary>
internal static class Charsets
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    static Charsets() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    public static string Decode(ReadOnlySpan<byte> octets, string? charset)
    {
        // JIS announces itself by its escapes; whatever the label, nothing else holds them.
        if (octets.IndexOf("\u001b$"u8) >= 0)
        {
            return Find("iso-2022-jp").GetString(octets);
        }

        if (charset is not null && Find(charset) is var encoding and not (UTF8Encoding or ASCIIEncoding))
        {
            return encoding.GetString(octets);
        }

        try
        {
            return StrictUtf8.GetString(octets);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(octets);
        }
    }

    private static Encoding Find(string charset)
    {
        try
        {
            // UTF-7 is how Microsoft labels the ASCII of its reports; nobody decodes it any more.
            return charset.Contains("utf-7", StringComparison.OrdinalIgnoreCase) ? Encoding.UTF8 : Encoding.GetEncoding(charset.Trim('"', '\'', ' '));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return Encoding.UTF8;
        }
    }
}
