using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Repeating;
using Relay.Intake.Http.Sending;
using Relay.Intake.Templates.Handlebars;

namespace Relay.Intake.Http.Description;

/// <summary>Tells OpenAPI what it cannot read from the types: how a caller is known, how an address may look, what a mail is like.</summary>
public static class ApiDescription
{
    private const string KeyScheme = "key";

    public static OpenApiOptions DescribeRelayApi(this OpenApiOptions openApi) => openApi
        .AddDocumentTransformer((document, _, _) => Done(() => Introduce(document)))
        .AddOperationTransformer((operation, context, _) => Done(() => Describe(operation, context)))
        .AddSchemaTransformer((schema, context, _) => Done(() =>
        {
            Describe(schema, context.JsonTypeInfo);
            Describe(schema, context.JsonPropertyInfo);
        }));

    private static void Introduce(OpenApiDocument document)
    {
        document.Info.Title = "Relay";
        document.Info.Description = "Send mail, and follow what became of it. Every call takes a key: `Authorization: Bearer KEY`.";
        document.AddComponent<IOpenApiSecurityScheme>(KeyScheme, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "A key, as the first start printed it or POST /keys gave it.",
        });
    }

    private static void Describe(OpenApiOperation operation, OpenApiOperationTransformerContext context)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<NeedsKey>().Any())
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, context.Document)] = [] }];
        }

        if (metadata.OfType<TakesIdempotencyKey>().Any())
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = IdempotencyHeader.Name,
                In = ParameterLocation.Header,
                Description = "Any text of your own, such as an order's number: the same request sent again with it within 24 hours gets the first answer and does nothing more.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            });
        }
    }

    private static void Describe(OpenApiSchema schema, JsonTypeInfo type)
    {
        if (type.Type == typeof(AddressInput))
        {
            DescribeAddress(schema);
        }
        else if (type.Type == typeof(Value.Map))
        {
            // Its converter takes any object.
            schema.Type = JsonSchemaType.Object;
            schema.Properties = null;
            schema.Required = null;
            schema.AdditionalPropertiesAllowed = true;
        }
        else if (type.Type == typeof(SendRequest))
        {
            schema.Required = new HashSet<string> { "from" };
            schema.Examples = [JsonNode.Parse("""
                { "from": "Shop <shop@example.com>", "to": ["Ada <ada@example.com>"], "subject": "Hello", "text": "It works." }
                """)!];
        }
    }

    // These converters take a list, or one of what would stand in it.
    private static void Describe(OpenApiSchema schema, JsonPropertyInfo? property)
    {
        if (property?.CustomConverter is AddressListConverter or TextListConverter && schema.Items is { } item)
        {
            schema.AnyOf = [new OpenApiSchema { Type = schema.Type, Items = item }, item];
            schema.Type = null;
            schema.Items = null;
        }
    }

    // Its converter takes two forms; its properties alone would describe neither.
    private static void DescribeAddress(OpenApiSchema schema)
    {
        schema.Type = null;
        schema.Properties = null;
        schema.Required = null;
        schema.Description = "An address: \"ada@example.com\", \"Ada <ada@example.com>\", or an object.";
        schema.OneOf =
        [
            new OpenApiSchema { Type = JsonSchemaType.String },
            new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Required = new HashSet<string> { "email" },
                Properties = new Dictionary<string, IOpenApiSchema>
                {
                    ["email"] = new OpenApiSchema { Type = JsonSchemaType.String },
                    ["name"] = new OpenApiSchema { Type = JsonSchemaType.String },
                },
            },
        ];
    }

    private static Task Done(Action describe)
    {
        describe();
        return Task.CompletedTask;
    }
}
