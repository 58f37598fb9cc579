using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Relay.Mail.Signing;

namespace Relay.Intake.Http.Repeating;

/// <summary>
/// What a request was answered. An answer may hold what is shown once, a new key or a webhook's secret, and what the store
/// holds is not for whoever reads the store: it is sealed with the very key that the client showed, which we keep only as a
/// hash. So nobody opens it but the client who repeats himself.
/// </summary>
/// <param name="Fingerprint">Of the request.</param>
internal sealed partial record FirstAnswer(byte[] Fingerprint, int Status, string? ContentType, string? Location, byte[] Body)
{
    /// <summary>Something was done, so that a repetition must not do it again.</summary>
    public bool IsDone => Status is >= 200 and < 300;

    /// <summary>Carries out a result and keeps what it writes, all but its head.</summary>
    public static async Task<FirstAnswer> OfAsync(HttpContext context, IResult result)
    {
        var response = context.Response;
        var wire = response.Body;
        using var written = new MemoryStream();
        response.Body = written;
        try
        {
            await result.ExecuteAsync(context);
        }
        finally
        {
            response.Body = wire;
        }

        return new FirstAnswer([], response.StatusCode, response.ContentType, response.Headers.Location, written.ToArray());
    }

    /// <exception cref="CryptographicException">It was sealed with another key.</exception>
    public static FirstAnswer Open(ReadOnlyMemory<byte> kept, string key, string name) =>
        JsonSerializer.Deserialize(new KeySeal([key]).Open(kept.ToArray(), name), AnswerJson.Default.FirstAnswer)
            ?? throw new CryptographicException("the answer is null");

    public byte[] Seal(string key, string name) =>
        new KeySeal([key]).Seal(JsonSerializer.SerializeToUtf8Bytes(this, AnswerJson.Default.FirstAnswer), name);

    /// <summary>Answers another request as the first one was answered.</summary>
    public async Task RepeatAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        response.ContentType = ContentType;
        response.Headers.Location = Location;
        IdempotencyHeader.MarkReplayed(context);
        await WriteBodyAsync(context);
    }

    /// <summary>The rest of the answer whose head <see cref="OfAsync"/> has set.</summary>
    public async Task WriteBodyAsync(HttpContext context)
    {
        if (Body.Length > 0)
        {
            await context.Response.Body.WriteAsync(Body, context.RequestAborted);
        }
    }

    [JsonSerializable(typeof(FirstAnswer))]
    private sealed partial class AnswerJson : JsonSerializerContext;
}
