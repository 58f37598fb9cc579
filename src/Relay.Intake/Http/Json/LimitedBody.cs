namespace Relay.Intake.Http.Json;

/// <summary>A request body of which no more than a limit is read.</summary>
internal sealed class LimitedBody(Stream body, long limit) : BodyReader
{
    private long _read;

    public bool IsEmpty => _read == 0;

    /// <exception cref="ProblemException">It is longer.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var octets = await body.ReadAsync(buffer, cancellationToken);
        _read += octets;
        return _read <= limit ? octets : throw new ProblemException(Problem.TooLarge($"the body is larger than {limit} octets"));
    }
}
