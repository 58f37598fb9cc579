using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Repeating;

/// <summary>A request's body, of which a hash is taken while it is read; with the path it tells the request from any other.</summary>
internal sealed class HashedBody : BodyReader
{
    private readonly Stream _body;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <param name="body">Of the request, perhaps cut off at a limit.</param>
    public HashedBody(HttpRequest request, Stream body)
    {
        _body = body;
        _hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.Path}{request.QueryString}\n"));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var octets = await _body.ReadAsync(buffer, cancellationToken);
        _hash.AppendData(buffer.Span[..octets]);
        return octets;
    }

    /// <summary>Reads what nobody has read yet. The hash is that of the whole request.</summary>
    public async ValueTask<byte[]> FinishAsync(CancellationToken cancellation)
    {
        await CopyToAsync(Null, cancellation);
        return _hash.GetHashAndReset();
    }

    protected override void Dispose(bool disposing)
    {
        _hash.Dispose();
        base.Dispose(disposing);
    }
}
