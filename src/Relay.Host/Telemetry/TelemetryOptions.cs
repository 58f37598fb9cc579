namespace Relay.Host.Telemetry;

/// <summary>What the relay tells about itself: <c>Relay:Telemetry</c>.</summary>
public sealed class TelemetryOptions
{
    public const string Section = "Telemetry";

    /// <summary>Where traces, metrics and logs go by OTLP: <c>http://127.0.0.1:4317</c> (gRPC) or port 4318 (HTTP). Null is nowhere.</summary>
    // None: there is no collector everywhere, and without one tracing costs nothing.
    public Uri? Otlp { get; set; }

    /// <summary>Whether <c>/metrics</c> answers.</summary>
    // On: the door stands on loopback and the page holds no address and no id.
    public bool Prometheus { get; set; } = true;
}
