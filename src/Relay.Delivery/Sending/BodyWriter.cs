using System.Buffers;
using Relay.Delivery.Connections;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Client;

namespace Relay.Delivery.Sending;

/// <summary>
/// Sends a content with its dots stuffed and the final dot. A small one leaves in one write; of a large one long clean
/// stretches are sent from where they stand, and chunks as they are read, so that memory does not grow with the message.
/// </summary>
internal sealed class BodyWriter(IContentStore contents, IMailQueue queue, TimeoutOptions timeouts)
{
    // Shorter stretches are copied together: one system call costs more than this many octets of copying.
    private const int Direct = 32 * 1024;

    // Each write has the time of one block (RFC 5321, 4.5.3.2.5), so a block has to be one.
    private const int Block = 256 * 1024;

    public async ValueTask<BodySent> SendAsync(SmtpConnection connection, Lease lease, CancellationToken stop)
    {
        var message = lease.Message;
        var content = message.Content;
        var stuffer = new DotStuffer();
        var sent = Collect(connection.Output, content.Prologue.Span, content.Head.Span, ref stuffer);
        if (sent is null)
        {
            (sent, stuffer) = await SendPieceAsync(connection, content.Prologue, stuffer);
            if (sent == BodySent.Whole)
            {
                (sent, stuffer) = await SendPieceAsync(connection, content.Head, stuffer);
            }
        }

        if (sent == BodySent.Whole && content.Chunks > 0)
        {
            (sent, stuffer) = await SendChunksAsync(connection, message, stuffer, stop);
        }

        return sent == BodySent.Whole ? await EndAsync(connection, lease, stuffer, stop) : sent.Value;
    }

    // The common case, a message that is copied together at once; null, with nothing done, when it is too large for that.
    private static BodySent? Collect(OutgoingBuffer output, ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> head, ref DotStuffer stuffer) =>
        prologue.Length + head.Length > Direct ? null
            : Collect(output, prologue, ref stuffer) && Collect(output, head, ref stuffer) ? BodySent.Whole
            : BodySent.Malformed;

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

    private async ValueTask<(BodySent, DotStuffer)> SendChunksAsync(SmtpConnection connection, Message message, DotStuffer stuffer, CancellationToken stop)
    {
        try
        {
            await foreach (var chunk in contents.ReadChunksAsync(message, stop))
            {
                (var sent, stuffer) = await SendPieceAsync(connection, chunk, stuffer);
                if (sent != BodySent.Whole)
                {
                    return (sent, stuffer);
                }
            }
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            return (BodySent.ContentAway, stuffer);
        }

        return (BodySent.Whole, stuffer);
    }

    private async ValueTask<(BodySent, DotStuffer)> SendPieceAsync(SmtpConnection connection, ReadOnlyMemory<byte> piece, DotStuffer stuffer)
    {
        while (true)
        {
            var found = stuffer.Take(piece.Span, out var length);
            if (found == DotStuffing.Malformed)
            {
                return (BodySent.Malformed, stuffer);
            }

            if (!await SendStretchAsync(connection, piece[..length]))
            {
                return (BodySent.Broken, stuffer);
            }

            if (found == DotStuffing.Clean)
            {
                return (BodySent.Whole, stuffer);
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

    private async ValueTask<BodySent> EndAsync(SmtpConnection connection, Lease lease, DotStuffer stuffer, CancellationToken stop)
    {
        if (!stuffer.TryEnd(out var end))
        {
            return BodySent.Malformed;
        }

        connection.Output.Write(end);

        // As late as can be: a pause behind this question is what the rest of the lease's life is for.
        if (!await MayEndAsync(connection, lease, stop))
        {
            return BodySent.TurnOver;
        }

        // A remote that speaks before it has the dot refuses, or is no mail server; its words are no answer to the dot.
        if (connection.HasEarlyReply)
        {
            return BodySent.Interrupted;
        }

        CrashPoints.Pass(CrashPoint.BeforeDot);
        return await connection.FlushAsync(timeouts.DataBlock) ? BodySent.Whole : BodySent.Broken;
    }

    private async ValueTask<bool> MayEndAsync(SmtpConnection connection, Lease lease, CancellationToken stop)
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

internal enum BodySent
{
    /// <summary>The final dot was handed over. Only here can the remote have the message.</summary>
    Whole,

    /// <summary>The connection broke before the final dot was handed over.</summary>
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
