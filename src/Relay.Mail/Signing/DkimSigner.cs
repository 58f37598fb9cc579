using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace Relay.Mail.Signing;

/// <summary>
/// Signs a message for a domain (RFC 6376; RFC 8301; RFC 8463): one DKIM-Signature field for each key, relaxed/relaxed,
/// SHA-256, never with <c>l=</c>, so that nothing can be added below what was signed.
/// </summary>
/// <param name="domain">The tag <c>d=</c>: the author's domain or one above it, so that DMARC finds it aligned.</param>
public sealed class DkimSigner(string domain, IReadOnlyList<SigningKey> keys)
{
    // Signing waits for nothing, so a thread is done with its room before it signs the next message.
    [ThreadStatic]
    private static Room? _room;

    public string Domain => domain;

    public IReadOnlyList<SigningKey> Keys => keys;

    /// <summary>The fields to put on top of the message, each with its CRLF.</summary>
    /// <param name="prologue">The lines that are put on top of the header, whole.</param>
    /// <param name="header">The header as submitted, without the empty line that ends it.</param>
    /// <param name="bodyHash">Of <see cref="BodyDigest"/>.</param>
    public byte[] Sign(ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> header, ReadOnlySpan<byte> bodyHash, DateTimeOffset now)
    {
        var room = _room ??= new Room();
        room.Clear();
        room.NameList.Begin("h=".Length + 1);
        new SignedFields(prologue, header).Write(room.Canonical, room.NameList);
        var covered = room.Canonical.WrittenCount;

        foreach (var key in keys)
        {
            var start = room.Signatures.WrittenCount;
            WriteUnsigned(key, room, bodyHash, now);

            room.Canonical.ResetWrittenCount();
            room.Canonical.Advance(covered);
            room.Canonical.Write("dkim-signature:"u8);
            SignedFields.WriteRelaxed(room.Signatures.WrittenSpan[(start + "DKIM-Signature:".Length)..], room.Canonical);
            WriteSignature(key.Sign(SHA256.HashData(room.Canonical.WrittenSpan)), room);
        }

        return room.Signatures.WrittenSpan.ToArray();
    }

    // All of the field but the signature itself, which it covers as if it were empty (RFC 6376, 3.7).
    private void WriteUnsigned(SigningKey key, Room room, ReadOnlySpan<byte> bodyHash, DateTimeOffset now)
    {
        var line = room.Signatures.GetSpan(256 + domain.Length + key.Selector.Length);
        Utf8.TryWrite(
            line,
            $"DKIM-Signature: v=1; a={key.Algorithm}; c=relaxed/relaxed; d={domain};\r\n\ts={key.Selector}; t={now.ToUnixTimeSeconds()};\r\n\th=",
            out var length);
        room.Signatures.Advance(length);
        room.Signatures.Write(room.Names.WrittenSpan);
        room.Signatures.Write(";\r\n\tbh="u8);
        WriteBase64(bodyHash, room.Signatures);
        room.Signatures.Write(";\r\n\tb="u8);
    }

    private static void WriteSignature(byte[] signature, Room room)
    {
        Span<byte> text = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(signature.Length)];
        Base64.EncodeToUtf8(signature, text, out _, out var length);
        room.SignatureText.Begin("b=".Length + 1);
        room.SignatureText.Fill(text[..length]);
        room.Signatures.Write("\r\n"u8);
    }

    private static void WriteBase64(ReadOnlySpan<byte> octets, ArrayBufferWriter<byte> to)
    {
        Base64.EncodeToUtf8(octets, to.GetSpan(Base64.GetMaxEncodedToUtf8Length(octets.Length)), out _, out var length);
        to.Advance(length);
    }

    private sealed class Room
    {
        // What an honest header needs with ease; a larger one is signed too, but its room is not kept.
        private const int Usual = 8 * 1024;

        public Room() => (NameList, SignatureText) = (new FoldedText(Names), new FoldedText(Signatures));

        public ArrayBufferWriter<byte> Canonical { get; private set; } = new(Usual);
        public ArrayBufferWriter<byte> Names { get; } = new(1024);
        public ArrayBufferWriter<byte> Signatures { get; } = new(Usual);
        public FoldedText NameList { get; }
        public FoldedText SignatureText { get; }

        public void Clear()
        {
            Names.ResetWrittenCount();
            Signatures.ResetWrittenCount();
            Canonical.ResetWrittenCount();
            if (Canonical.Capacity > 4 * Usual)
            {
                Canonical = new ArrayBufferWriter<byte>(Usual);
            }
        }
    }
}
