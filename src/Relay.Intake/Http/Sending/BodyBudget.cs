using Microsoft.Extensions.Options;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>Bounds the octets of request bodies that are held in memory at a time, over all requests together.</summary>
internal sealed class BodyBudget(IOptions<HttpOptions> options)
{
    private readonly long _most = options.Value.MaxBodyBytesInFlight;
    private long _held;

    /// <summary>A body whose octets count from when they are read until it is disposed.</summary>
    public Stream Open(Stream body) => new Share(this, body);

    // One request alone always fits; its own limit bounds it.
    private bool TryHold(int octets, long mine)
    {
        var held = Interlocked.Add(ref _held, octets);
        return held <= _most || held == mine + octets;
    }

    private void Return(long octets) => Interlocked.Add(ref _held, -octets);

    private sealed class Share(BodyBudget budget, Stream body) : BodyReader
    {
        private long _mine;

        /// <exception cref="ProblemException">Other requests hold the rest.</exception>
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var octets = await body.ReadAsync(buffer, cancellationToken);
            var fits = budget.TryHold(octets, _mine);
            _mine += octets;
            return fits
                ? octets
                : throw new ProblemException(Problem.Unavailable("too many large requests are being read right now; try again later"));
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                budget.Return(Interlocked.Exchange(ref _mine, 0));
            }

            base.Dispose(disposing);
        }
    }
}
