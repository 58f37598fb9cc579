using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Mail.Signing;

/// <summary>
/// Signs a message for a domain (RFC 6376; RFC 8301; RFC 8463): one DKIM-Signature field for each key, relaxed/relaxed,
/// SHA-256, never with <c>l=</c>, so that nothing can be added below what was signed.
/// </summary>
/// <param name="domain">The tag <c>d=</c>: the author's domain or one above it, so that DMARC finds it aligned.</param>
public sealed class DkimSigner(string domain, IReadOnlyList<SigningKey> keys)
{
    // RFC 5322, 2.1.1 recommends 78 for a line; the tag's name and the tab stand beside it.
    private const int LineLength = 72;

    public string Domain => domain;

    public IReadOnlyList<SigningKey> Keys => keys;

    /// <summary>The fields to put on top of the message, each with its CRLF.</summary>
    /// <param name="prologue">The lines that are put on top of the header, whole.</param>
    /// <param name="header">The header as submitted, without the empty line that ends it.</param>
    /// <param name="bodyHash">Of <see cref="BodyDigest"/>.</param>
    public byte[] Sign(ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> header, ReadOnlySpan<byte> bodyHash, DateTimeOffset now)
    {
        var canonical = new ArrayBufferWriter<byte>(2048);
        var fields = SignedFields.Read(prologue, header, canonical);
        var covered = canonical.WrittenCount;

        var signatures = new StringBuilder(1024);
        foreach (var key in keys)
        {
            var unsigned = FieldOf(key, fields.List, bodyHash, now);
            canonical.ResetWrittenCount();
            canonical.Advance(covered);
            canonical.Write("dkim-signature:"u8);
            SignedFields.WriteRelaxed(Encoding.ASCII.GetBytes(unsigned), canonical);

            signatures.Append("DKIM-Signature: ").Append(unsigned);
            Fold(signatures, Convert.ToBase64String(key.Sign(SHA256.HashData(canonical.WrittenSpan))), LineLength);
            signatures.Append("\r\n");
        }

        return Encoding.ASCII.GetBytes(signatures.ToString());
    }

    private string FieldOf(SigningKey key, string list, ReadOnlySpan<byte> bodyHash, DateTimeOffset now)
    {
        var field = new StringBuilder(512);
        field.Append(CultureInfo.InvariantCulture, $"v=1; a={key.Algorithm}; c=relaxed/relaxed; d={domain};\r\n\t");
        field.Append(CultureInfo.InvariantCulture, $"s={key.Selector}; t={now.ToUnixTimeSeconds()};\r\n\th=");
        var line = 0;
        foreach (var name in list.Split(':'))
        {
            if (line + name.Length > LineLength)
            {
                field.Append("\r\n\t");
                line = 0;
            }

            field.Append(name).Append(':');
            line += name.Length + 1;
        }

        field.Length--;
        return field.Append(";\r\n\tbh=").Append(Convert.ToBase64String(bodyHash)).Append(";\r\n\tb=").ToString();
    }

    private static void Fold(StringBuilder text, string value, int length)
    {
        for (var start = 0; start < value.Length; start += length)
        {
            text.Append(start == 0 ? "" : "\r\n\t").Append(value, start, Math.Min(length, value.Length - start));
        }
    }
}
