using System.Text.Json.Serialization;
using Relay.Intake.Http.Description;
using Scalar.AspNetCore;

namespace Relay.Host.Serving;

/// <summary>The API describes itself: <c>/openapi/v1.json</c> for programs, <c>/scalar</c> for people.</summary>
internal static class Documentation
{
    public static IServiceCollection AddRelayDocumentation(this IServiceCollection services) => services
        // The web's default also reads numbers from texts and says so of every number; the API does neither.
        .ConfigureHttpJsonOptions(json => json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict)
        .AddOpenApi(openApi => openApi.DescribeRelayApi());

    public static void MapRelayDocumentation(this IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi();

        // Nothing on the page leads to anybody else's servers: a key is typed into it.
        routes.MapScalarApiReference(scalar => scalar
            .WithTitle("Relay")
            .DisableDefaultFonts()
            .DisableTelemetry()
            .DisableAgent()
            .DisableMcp()
            .HideDeveloperTools()
            .HideClientButton());
    }
}
