using System.Text;
using Relay.Intake.Composition;

namespace Relay.Intake.Admission;

/// <summary>
/// Fields that come in and do not go out (ops/decisions/0025): Bcc and Return-Path, which would tell recipients what only the
/// envelope knows (RFC 5322, 3.6.3; RFC 5321, 4.4 and 7.2), and Authentication-Results under our own name, by which somebody
/// else would say in our words who they are (RFC 8601, 5). A Date or Message-ID with nothing in it goes too: it is as good as
/// missing, and beside one of ours it would stand there twice.
/// </summary>
internal static class WithheldFields
{
    /// <summary>A submission without them; itself, as it is nearly always, where it has none.</summary>
    /// <param name="header">Its header; afterwards that of what is returned.</param>
    public static Submission LeftOutOf(Submission submission, ref HeaderBlock header, string hostName)
    {
        var isOfEnvelope = header.Count(HeaderField.Bcc) + header.Count(HeaderField.ReturnPath) > 0;
        if (!isOfEnvelope && header.Count(HeaderField.AuthenticationResults) == 0 && !IsBlank(header, HeaderField.Date) && !IsBlank(header, HeaderField.MessageId))
        {
            return submission;
        }

        var head = header.Without((field, value) =>
            field is HeaderField.Bcc or HeaderField.ReturnPath
            || (field == HeaderField.AuthenticationResults && IsUnder(hostName, value))
            || (field is HeaderField.Date or HeaderField.MessageId && IsBlank(value)));
        return HeaderBlock.TryRead(head, submission.Chunks == 0, out header, out var problem)
            ? submission with { Head = head, Length = submission.Length - submission.Head.Length + head.Length }
            : throw new InvalidOperationException($"a header that was sound is not without some of its fields: {problem}");
    }

    /// <summary>The first octets of mail of the world, which keeps all but results under our name.</summary>
    public static ReadOnlyMemory<byte> LeftOutOf(ReadOnlyMemory<byte> head, HeaderBlock header, string hostName) =>
        header.Count(HeaderField.AuthenticationResults) == 0
            ? head
            : header.Without((field, value) => field == HeaderField.AuthenticationResults && IsUnder(hostName, value));

    private static bool IsBlank(HeaderBlock header, HeaderField field) => header.Count(field) > 0 && IsBlank(header.Value(field));

    private static bool IsBlank(ReadOnlySpan<byte> value) => value.Trim(" \t\r\n"u8).IsEmpty;

    // authres-header-field = [CFWS] authserv-id [CFWS authres-version] ( no-result / 1*resinfo ), the id a token or a quoted
    // string (RFC 8601, 2.2).
    private static bool IsUnder(string hostName, ReadOnlySpan<byte> value)
    {
        var rest = WithoutComments(value);
        var id = rest is [(byte)'"', .. var quoted] ? To(quoted, "\""u8) : To(rest, "; \t\r\n("u8);
        return Ascii.EqualsIgnoreCase(id, hostName);
    }

    private static ReadOnlySpan<byte> To(ReadOnlySpan<byte> text, ReadOnlySpan<byte> ends) =>
        text.IndexOfAny(ends) is >= 0 and var end ? text[..end] : text;

    // What stands before the id: white space, folds, and comments, which nest.
    private static ReadOnlySpan<byte> WithoutComments(ReadOnlySpan<byte> value)
    {
        var depth = 0;
        for (var i = 0; i < value.Length; i++)
        {
            switch (value[i])
            {
                case (byte)'(':
                    depth++;
                    break;
                case (byte)')' when depth > 0:
                    depth--;
                    break;
                case (byte)'\\' when depth > 0:
                    i++;
                    break;
                case (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n':
                    break;
                default:
                    if (depth == 0)
                    {
                        return value[i..];
                    }

                    break;
            }
        }

        return [];
    }
}
