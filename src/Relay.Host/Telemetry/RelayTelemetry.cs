using System.Diagnostics.Metrics;
using System.Reflection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Relay.Host.Settings;

namespace Relay.Host.Telemetry;

/// <summary>Collects what the parts measure. They know .NET's meters and activities only; the SDK stays here.</summary>
internal static class RelayTelemetry
{
    // Every part names its meter and its activity source like itself.
    private const string Parts = "Relay.*";

    // Delivery waits in seconds and minutes, an accept in milliseconds: one scale for both.
    private static readonly double[] Seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];

    /// <param name="relay">The <c>Relay</c> section.</param>
    public static IServiceCollection AddRelayTelemetry(this IServiceCollection services, IConfiguration relay)
    {
        var options = OptionsOf(relay);
        if (!options.Prometheus && options.Otlp is null)
        {
            return services;
        }

        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("relay", serviceVersion: Version, serviceInstanceId: Environment.MachineName))
            .WithMetrics(metrics => metrics
                .AddMeter(Parts)
                .AddMeter("Microsoft.AspNetCore.Server.Kestrel")
                .AddView(StreamOf)
                .AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation());

        if (options.Prometheus)
        {
            telemetry.WithMetrics(metrics => metrics.AddPrometheusExporter());
        }

        // Without a collector nobody listens to the activities, and then they are not even made.
        if (options.Otlp is { } collector)
        {
            telemetry
                .WithTracing(traces => traces.AddSource(Parts).AddAspNetCoreInstrumentation())
                .WithLogging(configureBuilder: null, logs => logs.IncludeScopes = true)
                .UseOtlpExporter(ProtocolOf(collector), collector);
        }

        return services;
    }

    public static void MapRelayMetrics(this WebApplication app)
    {
        if (OptionsOf(app.Configuration.GetSection(RelaySettings.Root)).Prometheus)
        {
            app.MapPrometheusScrapingEndpoint("/metrics");
        }
    }

    public static string Version { get; } =
        typeof(RelayTelemetry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    // What is registered depends on it, so it is read before there are services.
    private static TelemetryOptions OptionsOf(IConfiguration relay) =>
        relay.GetSection(TelemetryOptions.Section).Get<TelemetryOptions>() ?? new TelemetryOptions();

    private static MetricStreamConfiguration StreamOf(Instrument instrument) =>
        instrument.Unit == "s" && instrument.Meter.Name.StartsWith("Relay.", StringComparison.Ordinal)
            && instrument.GetType().GetGenericTypeDefinition() == typeof(Histogram<>)
            ? new ExplicitBucketHistogramConfiguration { Boundaries = Seconds, CardinalityLimit = SeriesOf(instrument) }
            : new MetricStreamConfiguration { CardinalityLimit = SeriesOf(instrument) };

    // The SDK takes the memory for all series of an instrument at once, by default for 2,000 each: of every relay's memory that
    // was a tenth, for series that never come. What comes beyond the limit is counted together, as otel.metric.overflow.
    private static int SeriesOf(Instrument instrument) => instrument.Meter.Name switch
    {
        // A series for each rule that judges replies, and people may add their own.
        "Relay.Delivery" => 1_000,

        // One for each address, method and status.
        "Microsoft.AspNetCore.Hosting" => 500,
        _ => 100,
    };

    // As the specification of OTLP names it, or by the registered ports: 4317 is gRPC, 4318 HTTP.
    private static OtlpExportProtocol ProtocolOf(Uri collector) =>
        Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL") switch
        {
            "http/protobuf" => OtlpExportProtocol.HttpProtobuf,
            "grpc" => OtlpExportProtocol.Grpc,
            _ => collector.Port == 4318 ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc,
        };
}
