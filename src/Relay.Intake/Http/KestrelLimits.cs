using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Relay.Intake.Http;

/// <summary>How long Kestrel waits for a slow client of the API. The doors for SMTP on the same Kestrel have patience of their own.</summary>
internal sealed class KestrelLimits(IOptions<HttpOptions> options) : IConfigureOptions<KestrelServerOptions>
{
    // Enough for a key and a proxy's fields; HTTP has no use for more.
    private const int MaxHeaderBytes = 32 * 1024;

    public void Configure(KestrelServerOptions kestrel)
    {
        var limits = kestrel.Limits;
        limits.RequestHeadersTimeout = options.Value.HeaderTimeout;
        limits.KeepAliveTimeout = options.Value.IdleTimeout;
        limits.MinRequestBodyDataRate = new MinDataRate(options.Value.MinBytesPerSecond, options.Value.SlowStart);
        limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
    }
}
