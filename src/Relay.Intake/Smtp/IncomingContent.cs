using System.Buffers;
using Relay.Mail.Messages;
using Relay.Mail.Signing;
using Relay.Smtp.Content;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// A content while it arrives. Its first 256 KiB stay in memory; what comes behind them goes to its place chunk by
/// chunk while more is read, so memory does not grow with the message. Once something is wrong with it nothing of it is
/// kept, but reading goes on to its end: an early reply would let the rest be read as commands.
/// </summary>
internal sealed class IncomingContent : IAsyncDisposable
{
    // Most transactional mail fits the first one or two.
    private const int SmallestBuffer = 16 * 1024;
    private const int ChunkBytes = MessageContent.ChunkBytes;

    private static readonly Task<SmtpReply?> NothingToWrite = Task.FromResult<SmtpReply?>(null);

    private readonly ContentDecoder _decoder;
    private readonly IContentPlace _place;
    private readonly DoorOptions _limits;
    private readonly Func<ReadOnlyMemory<byte>, MessageId> _nameAfter;
    private readonly Queue<byte[]> _full = [];
    private byte[]? _buffer;
    private int _filled;
    private Task<SmtpReply?> _writing = NothingToWrite;
    private SmtpReply? _problem;
    private BodyDigest? _digest;
    private bool _isNamed;
    private bool _isKept;

    /// <param name="nameAfter">Gives the message its id, once its first octets are there.</param>
    /// <param name="expected">How many octets the client declared; a hint.</param>
    public IncomingContent(ContentDecoder decoder, IContentPlace place, DoorOptions limits, Func<ReadOnlyMemory<byte>, MessageId> nameAfter, long expected)
    {
        _decoder = decoder;
        _place = place;
        _limits = limits;
        _nameAfter = nameAfter;
        _buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(expected, SmallestBuffer, ChunkBytes));
    }

    /// <summary>DATA came to its end.</summary>
    public bool IsComplete => _decoder.IsComplete;

    /// <summary>So far over the limit that reading on to the end is more than we owe anybody.</summary>
    public bool IsAbsurd => Length > AbsurdOver(_limits);

    /// <summary>Octets so far, kept or not.</summary>
    public long Length { get; private set; }

    public bool HasEightBit => _decoder.HasEightBit;

    /// <summary>Once finished: the id, the first octets, and how many chunks went to the store behind them.</summary>
    public MessageId Id { get; private set; }
    public ReadOnlyMemory<byte> Head { get; private set; }
    public int Chunks { get; private set; }

    /// <summary>Once finished, where there are chunks: the hash of the body, for whoever signs it.</summary>
    public ReadOnlyMemory<byte> BodyHash { get; private set; }

    /// <summary>The first thing that is wrong with it; null while it is fine.</summary>
    public SmtpReply? Problem => _problem ??=
        Length > _limits.MaxMessageBytes ? Replies.TooLarge
        : _decoder.LongestLine > _limits.MaxLineBytes ? Replies.ContentLineTooLong
        : Replies.Of(_decoder.Fault);

    /// <summary>A content that is over the limit is read to its end all the same, up to this.</summary>
    public static long AbsurdOver(DoorOptions limits) => 2 * limits.MaxMessageBytes;

    /// <summary>Takes off the front of what has come all that belongs to the content, but no more than <paramref name="limit"/> octets. Says how many.</summary>
    public long Take(ref ReadOnlySequence<byte> unread, long limit = long.MaxValue)
    {
        var taken = 0L;
        foreach (var segment in unread)
        {
            var input = segment.Span[..(int)Math.Min(segment.Length, limit - taken)];
            taken += input.Length;
            while (!input.IsEmpty && !_decoder.IsComplete)
            {
                Append(_decoder.Decode(ref input));
            }

            taken -= input.Length;
            if (_decoder.IsComplete || taken == limit)
            {
                break;
            }
        }

        unread = unread.Slice(taken);
        return taken;
    }

    /// <summary>
    /// Starts to write the chunks that are full. At most one write is under way; a slow store thereby slows the client. Of a
    /// content that will be refused the store is rid at once, however long its end is in coming.
    /// </summary>
    public async ValueTask StoreAsync()
    {
        while (_full.TryDequeue(out var chunk))
        {
            await SettleWriteAsync();
            if (_problem is null)
            {
                _writing = WriteAsync(Chunks++, chunk, ChunkBytes);
            }
            else
            {
                ArrayPool<byte>.Shared.Return(chunk);
            }
        }

        if (_writing != NothingToWrite && _writing.IsCompleted)
        {
            await SettleWriteAsync();
        }

        if (Chunks > 0 && Problem is not null)
        {
            await DropAsync();
        }
    }

    /// <summary>The end was read. True when the content is fine and whole in <see cref="Head"/> and the store.</summary>
    public async ValueTask<bool> FinishAsync()
    {
        _decoder.Finish();
        if (Problem is null && !_isNamed)
        {
            Name(_buffer.AsSpan(0, _filled).ToArray());
            _filled = 0;
        }

        await StoreAsync();
        await SettleWriteAsync();
        if (Problem is null && _filled > 0)
        {
            var last = _buffer!;
            _buffer = null;
            _writing = WriteAsync(Chunks++, last, _filled);
            await SettleWriteAsync();
        }

        if (Problem is null && _digest is not null)
        {
            BodyHash = _digest.Finish();
        }

        return Problem is null;
    }

    /// <summary>It was accepted: its chunks belong to the queue now.</summary>
    public void Keep() => _isKept = true;

    /// <summary>Gives back its buffers; unless it was kept, its chunks vanish too.</summary>
    public async ValueTask DisposeAsync()
    {
        await SettleWriteAsync();
        ReturnBuffers();
        _digest?.Dispose();
        if (Chunks > 0 && !_isKept)
        {
            await DropAsync();
        }
    }

    private async ValueTask DropAsync()
    {
        await SettleWriteAsync();
        var chunks = Chunks;
        Chunks = 0;
        await _place.DropAsync(Id, chunks);
    }

    private void Append(ReadOnlySpan<byte> run)
    {
        Length += run.Length;
        if (Problem is not null)
        {
            ReturnBuffers();
            return;
        }

        while (!run.IsEmpty)
        {
            MakeRoom();
            var part = run[..Math.Min(run.Length, _buffer!.Length - _filled)];
            part.CopyTo(_buffer.AsSpan(_filled));
            _filled += part.Length;
            run = run[part.Length..];
        }
    }

    // Called only when more is to come, so a content of just 256 KiB has no chunk behind it.
    private void MakeRoom()
    {
        if (_filled < _buffer!.Length)
        {
            return;
        }

        if (_filled < ChunkBytes)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Min(ChunkBytes, _buffer.Length * 4));
            _buffer.CopyTo(larger, 0);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
            return;
        }

        if (_isNamed)
        {
            _full.Enqueue(_buffer);
        }
        else
        {
            // The array itself becomes the head and never goes back to the pool.
            Name(_buffer);
            _digest = new BodyDigest();
            _digest.Append(_buffer.AsSpan(BodyDigest.StartOfBody(_buffer)));
        }

        _buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        _filled = 0;
    }

    private void Name(byte[] head)
    {
        Head = head;
        Id = _nameAfter(Head);
        _isNamed = true;
    }

    private async Task<SmtpReply?> WriteAsync(int chunk, byte[] octets, int length)
    {
        // While it is at hand: to read a large content again in order to sign it would double what the store does for it.
        _digest?.Append(octets.AsSpan(0, length));
        try
        {
            return await _place.KeepAsync(Id, chunk, octets.AsMemory(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(octets);
        }
    }

    private async ValueTask SettleWriteAsync()
    {
        var writing = _writing;
        _writing = NothingToWrite;
        var problem = await writing;
        _problem ??= problem;
    }

    private void ReturnBuffers()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }

        while (_full.TryDequeue(out var chunk))
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
