using Scalar.AspNetCore;

namespace Relay.Host.Serving;

/// <summary>The API describes itself: <c>/openapi/v1.json</c> for programs, <c>/scalar</c> for people.</summary>
internal static class Documentation
{
    public static IServiceCollection AddRelayDocumentation(this IServiceCollection services) =>
        services.AddOpenApi(openApi => openApi.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Relay";
            document.Info.Description = "Send mail, and follow what became of it. Authorize with a key: Authorization: Bearer KEY.";
            return Task.CompletedTask;
        }));

    public static void MapRelayDocumentation(this IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi();
        routes.MapScalarApiReference(scalar => scalar.Title = "Relay");
    }
}
