using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Mail.Events;
using Relay.Mail.Queue;

namespace Relay.Delivery.Transcripts;

/// <summary>
/// Brings the dialogues of failed attempts, and of some good ones, to the store. Nobody waits for it: where more fails than
/// the store takes, some dialogues are lost, and never a message.
/// </summary>
internal sealed class TranscriptKeeper(ITranscriptStore store, IOptions<DeliveryOptions> options, ILogger<TranscriptKeeper> logger) : BackgroundService
{
    // Some megabytes at worst.
    private const int Backlog = 512;

    private readonly TranscriptOptions _options = options.Value.Transcripts;
    private readonly Channel<Transcript> _kept = Channel.CreateBounded<Transcript>(new BoundedChannelOptions(Backlog) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Whether any dialogue is kept at all.</summary>
    public bool IsOn => _options.Kept > TimeSpan.Zero;

    /// <summary>Whether a good attempt, which has just ended, is kept as an example.</summary>
    public bool IsSample() => IsOn && _options.SampleOneIn > 0 && Random.Shared.Next(_options.SampleOneIn) == 0;

    public void Keep(Transcript transcript)
    {
        if (IsOn)
        {
            _kept.Writer.TryWrite(transcript);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var transcript in _kept.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await store.AppendAsync(transcript, _options.Kept, stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                logger.TranscriptLost(transcript.Message, e is StoreUnavailableException ? null : e);
            }
        }
    }
}
