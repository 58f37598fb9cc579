using System.Text.Encodings.Web;
using System.Text.Json;

namespace Relay.Intake.Http.Json;

/// <summary>The API's JSON as it is given out: to be read by people too, so "Ada &lt;ada@example.com&gt;" stays as it is.</summary>
internal static class AnswerJson
{
    // The default encoder escapes what would matter inside a page; an answer is application/json and never inside one.
    public static ApiJson Default { get; } =
        new(new JsonSerializerOptions(ApiJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
