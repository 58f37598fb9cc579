using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using MimeKit;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Mail.Signing;

namespace Relay.Delivery.Sending;

/// <summary>
/// Makes of a content with octets above 127 one without, for a remote that does not take them (RFC 6152, 3): parts that hold
/// some are written as quoted-printable or base64, all else stays as it is. What the sender signed breaks by it; our own
/// signatures are made anew, with the keys and the time of its acceptance, so that each attempt sends the same octets.
/// </summary>
/// <param name="signers">Null where nobody signs.</param>
internal sealed class SevenBitCopies(IContentStore contents, ILogger<SevenBitCopies> logger, ISigners? signers = null) : IDisposable
{
    // Longer lines than a transport takes (RFC 5321, 4.5.3.1.6) are the only other reason to encode a part.
    private const int LongestLine = 998;

    // A copy stands in memory as a whole, unlike any other content here; remotes that ask for one are very rare.
    private readonly SemaphoreSlim _oneByOne = new(1);

    /// <summary>
    /// Null where the mail cannot be written so: octets stand where no encoding applies, or where a signature covers them, or it
    /// has more parts than anybody reads.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The content, or a key to sign the copy, is not to be had now.</exception>
    public async ValueTask<MessageContent?> MakeAsync(Message message, CancellationToken cancellation)
    {
        await _oneByOne.WaitAsync(cancellation);
        try
        {
            return await ConvertAsync(await ReadAsync(message, cancellation)) is { } copy ? await SignAsync(message, copy, cancellation) : null;
        }
        finally
        {
            _oneByOne.Release();
        }
    }

    public void Dispose() => _oneByOne.Dispose();

    private async ValueTask<MemoryStream> ReadAsync(Message message, CancellationToken cancellation)
    {
        var whole = new MemoryStream((int)message.Content.Length);
        var prologue = message.Content.Prologue;
        whole.Write(prologue.Span[LengthOfSignatures(prologue.Span)..]);
        whole.Write(message.Content.Head.Span);
        if (message.Content.Chunks > 0)
        {
            await foreach (var chunk in contents.ReadChunksAsync(message, cancellation))
            {
                whole.Write(chunk.Span);
            }
        }

        whole.Position = 0;
        return whole;
    }

    // Our signatures stand on top of everything.
    private static int LengthOfSignatures(ReadOnlySpan<byte> prologue)
    {
        var length = 0;
        while (prologue[length..].StartsWith("DKIM-Signature:"u8))
        {
            do
            {
                var end = prologue[length..].IndexOf("\r\n"u8);
                length = end < 0 ? prologue.Length : length + end + 2;
            }
            while (length < prologue.Length && prologue[length] is (byte)' ' or (byte)'\t');
        }

        return length;
    }

    private static async ValueTask<byte[]?> ConvertAsync(MemoryStream whole)
    {
        MimeMessage mail;
        try
        {
            Count(whole);
            mail = await MimeMessage.LoadAsync(whole);
        }
        catch (FormatException)
        {
            return null;
        }

        if (mail.Body is null)
        {
            return null;
        }

        Name(mail, whole);
        mail.Body.Prepare(EncodingConstraint.SevenBit, LongestLine);
        var copy = new MemoryStream((int)whole.Length + 1024);
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        await mail.WriteToAsync(format, copy);
        var octets = copy.ToArray();
        return Ascii.IsValid(octets) ? octets : null;
    }

    // What is built of a mail that is made of parts alone is some hundred times as large as it is.
    private static void Count(MemoryStream whole)
    {
        new MimeCount(ParserOptions.Default, whole).ReadMessage();
        whole.Position = 0;
    }

    // An encoding means nothing without MIME, and text nothing without its character set; where nobody named one it is guessed
    // only from what cannot be anything else (RFC 1428).
    private static void Name(MimeMessage mail, MemoryStream whole)
    {
        if (!mail.Headers.Contains(HeaderId.MimeVersion))
        {
            mail.Headers.Add(HeaderId.MimeVersion, "1.0");
        }

        if (mail.Body is TextPart && !mail.Body.Headers.Contains(HeaderId.ContentType))
        {
            var isUtf8 = System.Text.Unicode.Utf8.IsValid(whole.GetBuffer().AsSpan(0, (int)whole.Length));
            mail.Body.ContentType.Charset = isUtf8 ? "utf-8" : "unknown-8bit";
            mail.Body.Headers.Replace(HeaderId.ContentType, $"text/plain; charset={mail.Body.ContentType.Charset}");
        }
    }

    private async ValueTask<MessageContent> SignAsync(Message message, byte[] copy, CancellationToken cancellation)
    {
        byte[] signatures = [];
        if (message.Alignment?.Dkim is { } domain && signers is not null)
        {
            try
            {
                if (await signers.FindSignerAsync(message.Account, domain, message.AcceptedAt, cancellation) is { } signer)
                {
                    var body = BodyDigest.StartOfBody(copy);
                    signatures = signer.Sign([], copy.AsSpan(0, Math.Max(0, body - 2)), BodyDigest.Of(copy.AsSpan(body)), message.AcceptedAt);
                }
            }
            catch (CryptographicException e)
            {
                // As with a list's copies: the good signature is off, and without a new one the mail would be refused for good
                // wherever DMARC is strict. A secret that is missing here can be given.
                logger.CopyNotSigned(message.Id, domain, e);
                throw new StoreUnavailableException("a DKIM key cannot be used now", inner: e);
            }
        }

        return new MessageContent { Prologue = signatures, Head = copy, Length = signatures.Length + copy.Length };
    }
}
