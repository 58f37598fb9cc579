using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Sending;

/// <summary>
/// Bounds the octets of request bodies that are held in memory at a time, and how long one may hold them. A small body always
/// passes, so that nobody's large ones keep ordinary mail out.
/// </summary>
internal sealed class BodyBudget(IOptions<HttpOptions> options, TimeProvider time)
{
    // What any other request may have, of which nobody keeps count.
    private const long Small = RequestBody.SmallBody;

    private readonly OctetBudget _budget = new(options.Value.MaxBodyBytesInFlight);
    private readonly TimeSpan _patience = options.Value.BodyTimeout;
    private readonly TimeProvider _time = time;

    /// <summary>A body whose octets count, once they are more than a few, until it is disposed.</summary>
    public Stream Open(Stream body, string account) => new Share(this, body, account);

    private sealed class Share(BodyBudget bodies, Stream body, string account) : BodyReader
    {
        private long _few;
        private Large? _large;

        /// <exception cref="ProblemException">Other requests hold the rest.</exception>
        /// <exception cref="BadHttpRequestException">It took too long.</exception>
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var octets = _large is null ? await body.ReadAsync(buffer, cancellationToken) : await _large.ReadAsync(body, buffer, cancellationToken);
            if (_large is not null)
            {
                _large.Hold(octets);
                return octets;
            }

            _few += octets;
            if (_few > Small)
            {
                _large = new Large(bodies, account, cancellationToken);
                _large.Hold(_few);
            }

            return octets;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _large?.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    // The server's own lowest pace is an average: who was quick at first can stand still for hours.
    private sealed class Large : IDisposable
    {
        private readonly OctetBudget.Hold _held;
        private readonly CancellationTokenSource _patience;
        private readonly CancellationTokenSource _either;

        public Large(BodyBudget bodies, string account, CancellationToken aborted)
        {
            _held = bodies._budget.Open(account);
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

        public void Hold(long octets)
        {
            if (!_held.TryGrow(octets))
            {
                throw new ProblemException(Problem.Unavailable("too many large requests are being read right now; try again later"));
            }
        }

        public void Dispose()
        {
            _held.Dispose();
            _either.Dispose();
            _patience.Dispose();
        }
    }
}
