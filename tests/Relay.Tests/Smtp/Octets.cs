using System.Buffers;
using System.Text;

namespace Relay.Tests.Smtp;

/// <summary>The same octets as one piece or as many, since sockets deliver either.</summary>
internal static class Octets
{
    public static ReadOnlySequence<byte> Of(params string[] pieces)
    {
        var first = new Piece(Encoding.Latin1.GetBytes(pieces[0]), null);
        var last = first;
        foreach (var piece in pieces.Skip(1))
        {
            last = new Piece(Encoding.Latin1.GetBytes(piece), last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    public static string Text(in ReadOnlySequence<byte> octets) => Encoding.Latin1.GetString(octets);

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(byte[] octets, Piece? before)
        {
            Memory = octets;
            if (before is not null)
            {
                RunningIndex = before.RunningIndex + before.Memory.Length;
                before.Next = this;
            }
        }
    }
}
