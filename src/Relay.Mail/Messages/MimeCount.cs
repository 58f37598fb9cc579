using MimeKit;

namespace Relay.Mail.Messages;

/// <summary>
/// Walks through a mail and keeps nothing of it: a part costs its writer six octets and a reader that builds it more than a
/// kilobyte. Beyond a measure that no mail of anybody's comes near it ends with a <see cref="FormatException"/>.
/// </summary>
public sealed class MimeCount(ParserOptions options, Stream mail) : MimeReader(options, mail, MimeFormat.Entity)
{
    // Parts and header fields together. The mails of the longest ways and with the most attachments have some hundreds.
    private const int MostThings = 5_000;

    // Of names and values. A list of addresses is built address by address: this bounds it too.
    private const int MostHeaderOctets = 512 * 1024;

    private int _things;
    private int _octets;

    protected override void OnHeaderRead(Header header, int beginLineNumber, CancellationToken cancellationToken)
    {
        _octets += header.RawField.Length + header.RawValue.Length;
        Count();
    }

    protected override void OnMimePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    protected override void OnMultipartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    protected override void OnMessagePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    private void Count()
    {
        if (++_things > MostThings || _octets > MostHeaderOctets)
        {
            throw new FormatException("The mail has more parts or header fields than anybody reads.");
        }
    }
}
