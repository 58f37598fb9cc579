using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Relay.Mail.Queue;

namespace Relay.Host.Health;

/// <summary>What a supervisor asks: does the process run, and may it be sent mail.</summary>
internal static class HealthEndpoints
{
    public static void MapRelayHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health");
        health.MapGet("/", Ready).WithSummary("What /health/ready says.")
            .Produces<Readiness>().Produces<Readiness>(StatusCodes.Status503ServiceUnavailable);
        health.MapGet("/live", Live).WithSummary("The process runs.").Produces<Liveness>();
        health.MapGet("/ready", Ready).WithSummary("The store answers and every listener is open; 503 before, after, and while the store is away.")
            .Produces<Readiness>().Produces<Readiness>(StatusCodes.Status503ServiceUnavailable);
    }

    private static JsonHttpResult<Liveness> Live() => TypedResults.Json(new Liveness("live"), HealthJson.Default.Liveness);

    private static JsonHttpResult<Readiness> Ready(ReadinessCheck check)
    {
        var readiness = check.Look();
        return TypedResults.Json(
            readiness,
            HealthJson.Default.Readiness,
            statusCode: readiness.Status == ReadyStatus.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}

internal sealed record Liveness(string Status);

/// <param name="Machine">Which one it runs on, so that whoever asks knows whether loopback means the same.</param>
internal sealed record Readiness(
    [property: JsonConverter(typeof(KebabEnumConverter<ReadyStatus>))] ReadyStatus Status, string Machine, StoreReadiness Store, IReadOnlyList<ListenerReadiness> Listeners);

/// <param name="Promise">What a 250 or 202 is worth; null until the store was asked.</param>
/// <param name="Sentence">What that does not cover.</param>
/// <param name="Declared">The class was stated by the configuration, not read from the store.</param>
internal sealed record StoreReadiness(
    bool Answers, [property: JsonConverter(typeof(KebabEnumConverter<PromiseClass>))] PromiseClass? Promise, string? Sentence, bool Declared)
{
    /// <summary>What is lost, by what happens to the store; null where it does not tell its settings.</summary>
    public StoreLosses? Losses { get; init; }

    /// <summary>What an operator should look at though mail flows.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

internal sealed record ListenerReadiness(string Protocol, string Tls, string Address, bool Open);

internal enum ReadyStatus
{
    Starting,
    Ready,
    StoreUnavailable,
    Stopping,
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Liveness))]
[JsonSerializable(typeof(Readiness))]
internal sealed partial class HealthJson : JsonSerializerContext;

/// <summary>Writes an enum as its words: <c>power-safe</c>.</summary>
internal sealed class KebabEnumConverter<T>() : JsonStringEnumConverter<T>(System.Text.Json.JsonNamingPolicy.KebabCaseLower)
    where T : struct, Enum;
