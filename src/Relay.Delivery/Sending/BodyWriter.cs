using System.Buffers;
using Relay.Delivery.Connections;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Client;

namespace Relay.Delivery.Sending;

/// <summary>
/// Writes a content with its dots stuffed and the final dot. A small one stands in the connection's buffer as a whole
/// afterwards; of a large one all but the end has left by then, long clean stretches from where they stand, and chunks as they
/// are read, so that memory does not grow with the message. The end never leaves by itself: something may ride behind it.
/// </summary>
internal sealed class BodyWriter(IContentStore contents, IMailQueue queue, TimeoutOptions timeouts)
{
    // Shorter stretches are copied together: one system call costs more than this many octets of copying.
    private const int Direct = 32 * 1024;

    // Each write has the time of one block (RFC 5321, 4.5.3.2.5), so a block has to be one.
    private const int Block = 256 * 1024;

    /// <returns><see cref="BodyWritten.Ready"/> when what lies in the buffer may leave; the remote then has the message.</returns>
    public async ValueTask<BodyWritten> WriteAsync(SmtpConnection connection, Lease lease, CancellationToken stop)
    {
        var message = lease.Message;
        var content = message.Content;
        var stuffer = new DotStuffer();
        var sent = Collect(connection.Output, content.Prologue.Span, content.Head.Span, ref stuffer);
        if (sent is null)
        {
            (sent, stuffer) = await SendPieceAsync(connection, content.Prologue, stuffer);
            if (sent == BodyWritten.Ready)
            {
                (sent, stuffer) = await SendPieceAsync(connection, content.Head, stuffer);
            }
        }

        if (sent == BodyWritten.Ready && content.Chunks > 0)
        {
            (sent, stuffer) = await SendChunksAsync(connection, message, stuffer, stop);
        }

        return sent == BodyWritten.Ready ? await EndAsync(connection, lease, stuffer, stop) : sent.Value;
    }

    /// <summary>The same for a content that goes as one chunk.</summary>
    public ValueTask<BodyWritten> WriteChunkAsync(SmtpConnection connection, Lease lease, int length, CancellationToken stop)
    {
        WriteChunk(connection.Output, lease.Message.Content, length);
        return AskAsync(connection, lease, stop);
    }

    /// <summary>How long a content is as one chunk; false where it is too large for one flight, or malformed.</summary>
    public static bool TryMeasure(MessageContent content, out int length)
    {
        length = content.Prologue.Length + content.Head.Length;
        var stuffer = new DotStuffer();
        if (length > Direct || content.Chunks > 0
            || !IsWellFormed(content.Prologue.Span, ref stuffer) || !IsWellFormed(content.Head.Span, ref stuffer) || !stuffer.TryEnd(out var end))
        {
            return false;
        }

        // A last line without an end gets one, as it does behind DATA: every attempt sends the same octets.
        length += end.Length - FinalDot.Length;
        return true;
    }

    /// <summary>Writes a content as one chunk, of the length measured before.</summary>
    public static void WriteChunk(OutgoingBuffer output, MessageContent content, int length)
    {
        output.LastChunk(length);
        output.Write(content.Prologue.Span);
        output.Write(content.Head.Span);
        if (length > content.Prologue.Length + content.Head.Length)
        {
            output.Write("\r\n"u8);
        }
    }

    private static ReadOnlySpan<byte> FinalDot => ".\r\n"u8;

    private static bool IsWellFormed(ReadOnlySpan<byte> content, ref DotStuffer stuffer)
    {
        DotStuffing found;
        while ((found = stuffer.Take(content, out var length)) == DotStuffing.Dot)
        {
            content = content[length..];
        }

        return found == DotStuffing.Clean;
    }

    // The common case, a message that is copied together at once; null, with nothing done, when it is too large for that.
    private static BodyWritten? Collect(OutgoingBuffer output, ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> head, ref DotStuffer stuffer) =>
        prologue.Length + head.Length > Direct ? null
            : Collect(output, prologue, ref stuffer) && Collect(output, head, ref stuffer) ? BodyWritten.Ready
            : BodyWritten.Malformed;

    private static bool Collect(OutgoingBuffer output, ReadOnlySpan<byte> content, ref DotStuffer stuffer)
    {
        while (true)
        {
            var found = stuffer.Take(content, out var length);
            output.Write(content[..length]);
            if (found != DotStuffing.Dot)
            {
                return found == DotStuffing.Clean;
            }

            output.Write("."u8);
            content = content[length..];
        }
    }

    private async ValueTask<(BodyWritten, DotStuffer)> SendChunksAsync(SmtpConnection connection, Message message, DotStuffer stuffer, CancellationToken stop)
    {
        try
        {
            await foreach (var chunk in contents.ReadChunksAsync(message, stop))
            {
                (var sent, stuffer) = await SendPieceAsync(connection, chunk, stuffer);
                if (sent != BodyWritten.Ready)
                {
                    return (sent, stuffer);
                }
            }
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            return (BodyWritten.ContentAway, stuffer);
        }

        return (BodyWritten.Ready, stuffer);
    }

    private async ValueTask<(BodyWritten, DotStuffer)> SendPieceAsync(SmtpConnection connection, ReadOnlyMemory<byte> piece, DotStuffer stuffer)
    {
        while (true)
        {
            var found = stuffer.Take(piece.Span, out var length);
            if (found == DotStuffing.Malformed)
            {
                return (BodyWritten.Malformed, stuffer);
            }

            if (!await SendStretchAsync(connection, piece[..length]))
            {
                return (BodyWritten.Broken, stuffer);
            }

            if (found == DotStuffing.Clean)
            {
                return (BodyWritten.Ready, stuffer);
            }

            connection.Output.Write("."u8);
            piece = piece[length..];
        }
    }

    private async ValueTask<bool> SendStretchAsync(SmtpConnection connection, ReadOnlyMemory<byte> stretch)
    {
        if (stretch.Length < Direct)
        {
            connection.Output.Write(stretch.Span);
            return connection.Output.Length < Direct || await connection.FlushAsync(timeouts.DataBlock);
        }

        var sent = connection.Output.Length == 0 || await connection.FlushAsync(timeouts.DataBlock);
        for (; sent && !stretch.IsEmpty; stretch = stretch[Math.Min(Block, stretch.Length)..])
        {
            sent = await connection.SendAsync(stretch[..Math.Min(Block, stretch.Length)], timeouts.DataBlock);
        }

        return sent;
    }

    private async ValueTask<BodyWritten> EndAsync(SmtpConnection connection, Lease lease, DotStuffer stuffer, CancellationToken stop)
    {
        if (!stuffer.TryEnd(out var end))
        {
            return BodyWritten.Malformed;
        }

        connection.Output.Write(end);

        return await AskAsync(connection, lease, stop);
    }

    private async ValueTask<BodyWritten> AskAsync(SmtpConnection connection, Lease lease, CancellationToken stop)
    {
        // As late as can be: a pause behind this question is what the rest of the lease's life is for.
        if (!await MayEndAsync(connection, lease, stop))
        {
            return BodyWritten.TurnOver;
        }

        // A remote that speaks before it has the dot refuses, or is no mail server; its words are no answer to the dot.
        return connection.HasEarlyReply ? BodyWritten.Interrupted : BodyWritten.Ready;
    }

    /// <summary>Whether the message may end at this host from now on, which is noted; asked before the flight that ends it.</summary>
    public async ValueTask<bool> MayEndAsync(SmtpConnection connection, Lease lease, CancellationToken stop)
    {
        try
        {
            return await queue.TryBeginDotAsync(lease, connection.Host.Name, stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

internal enum BodyWritten
{
    /// <summary>The end lies in the buffer, the final dot included, and may leave.</summary>
    Ready,

    /// <summary>The connection broke before that.</summary>
    Broken,

    /// <summary>The remote spoke before it had the final dot, which was held back.</summary>
    Interrupted,

    /// <summary>The content holds a lone CR or LF; the dot was held back.</summary>
    Malformed,

    /// <summary>The store did not give the rest of the content; the dot was held back.</summary>
    ContentAway,

    /// <summary>This node's turn at the unit is over; the dot was held back.</summary>
    TurnOver,
}
