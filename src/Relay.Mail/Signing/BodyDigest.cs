using System.Buffers;
using System.Security.Cryptography;

namespace Relay.Mail.Signing;

/// <summary>
/// The body hash of a DKIM signature (RFC 6376, 3.7): SHA-256 over the body in its relaxed form (3.4.4). Takes the body
/// in pieces cut anywhere and holds none of it, so a content of any size costs one pass and a few kilobytes. The hash
/// depends on no key and no domain: one serves every signature of the message.
/// </summary>
public sealed class BodyDigest : IDisposable
{
    /// <summary>Octets of the hash.</summary>
    public const int HashBytes = 32;

    // One call of the platform's hash for so many octets; a call for each word would cost more than the hashing.
    private const int BufferBytes = 4 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private bool _disposed;
    private int _filled;

    // What was read but not yet written, since what follows decides about it.
    private long _emptyLines;
    private bool _inLine;
    private bool _space;
    private bool _carriageReturn;

    /// <summary>The hash of a body that is at hand as a whole.</summary>
    public static byte[] Of(ReadOnlySpan<byte> body)
    {
        using var digest = new BodyDigest();
        digest.Append(body);
        return digest.Finish();
    }

    /// <summary>Where the body begins: behind the empty line, or at the end where there is none.</summary>
    public static int StartOfBody(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith("\r\n"u8))
        {
            return 2;
        }

        var end = content.IndexOf("\r\n\r\n"u8);
        return end < 0 ? content.Length : end + 4;
    }

    public void Append(ReadOnlySpan<byte> body)
    {
        while (!body.IsEmpty)
        {
            if (_carriageReturn)
            {
                _carriageReturn = false;
                if (body[0] == '\n')
                {
                    EndLine();
                    body = body[1..];
                    continue;
                }

                Write("\r"u8);
            }

            var run = body.IndexOfAny((byte)' ', (byte)'\t', (byte)'\r');
            Write(run < 0 ? body : body[..run]);
            if (run < 0)
            {
                return;
            }

            _space |= body[run] != '\r';
            _carriageReturn = body[run] == '\r';
            body = body[(run + 1)..];
        }
    }

    /// <summary>The whole body has come.</summary>
    public byte[] Finish()
    {
        if (_carriageReturn)
        {
            Write("\r"u8);
        }

        if (_inLine)
        {
            // A body that does not end its last line is signed as if it did, and that is how it travels.
            Put("\r\n"u8);
        }

        _hash.AppendData(_buffer, 0, _filled);
        return _hash.GetHashAndReset();
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _hash.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    // Space at the end of a line is dropped, and so are empty lines at the end of the body: both wait for what follows.
    private void EndLine()
    {
        if (_inLine)
        {
            Put("\r\n"u8);
        }
        else
        {
            _emptyLines++;
        }

        (_inLine, _space) = (false, false);
    }

    private void Write(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return;
        }

        for (; _emptyLines > 0; _emptyLines--)
        {
            Put("\r\n"u8);
        }

        if (_space)
        {
            Put(" "u8);
        }

        (_inLine, _space) = (true, false);
        Put(text);
    }

    private void Put(ReadOnlySpan<byte> octets)
    {
        if (octets.Length > BufferBytes - _filled)
        {
            _hash.AppendData(_buffer, 0, _filled);
            _filled = 0;
            if (octets.Length > BufferBytes)
            {
                _hash.AppendData(octets);
                return;
            }
        }

        octets.CopyTo(_buffer.AsSpan(_filled));
        _filled += octets.Length;
    }
}
