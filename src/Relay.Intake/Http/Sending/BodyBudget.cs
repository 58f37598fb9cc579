using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>
/// Bounds the octets of request bodies, and of what templates make of them, that are held in memory at a time, and how long a
/// body may take. A small one always passes, so that nobody's large ones keep ordinary mail out.
/// </summary>
internal sealed class BodyBudget(IOptions<HttpOptions> options, TimeProvider time)
{
    // What any other request may have, of which nobody keeps count.
    private const long Small = RequestBody.SmallBody;

    private readonly OctetBudget _budget = new(options.Value.MaxBodyBytesInFlight);
    private readonly TimeSpan _patience = options.Value.BodyTimeout;
    private readonly TimeProvider _time = time;

    /// <summary>A body whose octets count, once they are more than a few, until it is disposed.</summary>
    public Share Open(Stream body, string account) => new(this, body, account);

    internal sealed class Share(BodyBudget bodies, Stream body, string account) : BodyReader
    {
        private readonly OctetBudget.Hold _held = bodies._budget.Open(account);
        private long _few;
        private Patience? _patience;

        /// <exception cref="ProblemException">Other requests hold the rest.</exception>
        /// <exception cref="BadHttpRequestException">It took too long.</exception>
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var octets = _patience is null ? await body.ReadAsync(buffer, cancellationToken) : await _patience.ReadAsync(body, buffer, cancellationToken);
            if (_patience is not null)
            {
                Grow(octets);
                return octets;
            }

            _few += octets;
            if (_few > Small)
            {
                _patience = new Patience(bodies, cancellationToken);
                Grow(_few);
            }

            return octets;
        }

        /// <summary>What a template makes of the body counts as well, once it is more than a few octets, until this is disposed.</summary>
        /// <exception cref="ProblemException">Other requests hold the rest.</exception>
        public IDisposable? Hold(int octets)
        {
            if (octets <= Small)
            {
                return null;
            }

            Grow(octets);
            return new Written(_held, octets);
        }

        /// <summary>For what is held until the answer has gone: it may take as long as a body, then the connection is closed.</summary>
        public void BoundAnswer(HttpContext context)
        {
            var patience = new CancellationTokenSource(bodies._patience, bodies._time);
            context.Response.RegisterForDispose(patience);
            // Disposed before it, and not while it runs: the connection may have another request by then.
            context.Response.RegisterForDispose(patience.Token.Register(context.Abort));
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _held.Dispose();
                _patience?.Dispose();
            }

            base.Dispose(disposing);
        }

        private void Grow(long octets)
        {
            if (!_held.TryGrow(octets))
            {
                throw new ProblemException(Problem.Unavailable("too many large requests are in hand right now; try again later"));
            }
        }
    }

    private sealed class Written(OctetBudget.Hold held, int octets) : IDisposable
    {
        public void Dispose() => held.Shrink(octets);
    }

    // The server's own lowest pace is an average: who was quick at first can stand still for hours.
    private sealed class Patience : IDisposable
    {
        private readonly CancellationTokenSource _patience;
        private readonly CancellationTokenSource _either;

        public Patience(BodyBudget bodies, CancellationToken aborted)
        {
            _patience = new CancellationTokenSource(bodies._patience, bodies._time);
            _either = CancellationTokenSource.CreateLinkedTokenSource(_patience.Token, aborted);
        }

        public async ValueTask<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationToken aborted)
        {
            try
            {
                return await body.ReadAsync(buffer, _either.Token);
            }
            catch (OperationCanceledException) when (_patience.IsCancellationRequested && !aborted.IsCancellationRequested)
            {
                throw new BadHttpRequestException("the body took too long", StatusCodes.Status408RequestTimeout);
            }
        }

        public void Dispose()
        {
            _either.Dispose();
            _patience.Dispose();
        }
    }
}
