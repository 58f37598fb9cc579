using System.Text;
using System.Text.Json;
using Relay.Intake.Templates.Handlebars;

namespace Relay.Tests.Intake.Templates;

internal static class Rendering
{
    // As deep as a request may be.
    private static readonly JsonSerializerOptions Options = new() { Converters = { new ValueConverter() }, MaxDepth = 16 };

    public static Value.Map VariablesOf(string json) => JsonSerializer.Deserialize<Value.Map>(Encoding.UTF8.GetBytes(json), Options)!;

    /// <summary>What it becomes, or what is said against it.</summary>
    public static string Try(string source, string variables, bool escapes)
    {
        try
        {
            return new Renderer(VariablesOf(variables), new RenderBudget(), escapes).Render(TemplateParser.Parse(source));
        }
        catch (TemplateFault fault)
        {
            return fault.Words;
        }
        catch (RenderFault fault)
        {
            return fault.Message;
        }
    }
}
