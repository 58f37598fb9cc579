using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Relay.Intake.Http.Json;

/// <summary>Reads a JSON body, or says in one problem what is wrong with it and where.</summary>
internal static class RequestBody
{
    /// <summary>For everything but a message: names, domains, keys.</summary>
    public const long SmallBody = 64 * 1024;

    // At its own limit the server closes at once, and a client that still writes would never read why. What goes beyond ours
    // by less than this is taken and thrown away behind the answer.
    private const long Swallowed = 16 * 1024 * 1024;

    // The content codings in use (RFC 9110, 8.4.1, and the registry that it names).
    private static readonly FrozenSet<string> Compressed =
        FrozenSet.ToFrozenSet(["gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"], StringComparer.OrdinalIgnoreCase);

    public static ValueTask<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class =>
        ReadAsync(context, context.Request.Body, SmallBody, type);

    /// <exception cref="ProblemException">The body is too large, not JSON, or not this request.</exception>
    public static ValueTask<T> ReadAsync<T>(HttpContext context, Stream body, long limit, JsonTypeInfo<T> type)
        where T : class =>
        ReadAsync(context, body, limit, type, octets => JsonSerializer.DeserializeAsync(octets, type, context.RequestAborted));

    /// <summary>Reads a body of which parts are read later, each by itself: its octets stay.</summary>
    /// <exception cref="ProblemException">The body is too large, not JSON, or not this request.</exception>
    public static async ValueTask<(T Request, ReadOnlyMemory<byte> Octets)> ReadWholeAsync<T>(HttpContext context, Stream body, long limit, JsonTypeInfo<T> type)
        where T : class
    {
        var whole = new MemoryStream();
        var request = await ReadAsync(context, body, limit, type, async octets =>
        {
            await octets.CopyToAsync(whole, context.RequestAborted);
            return JsonSerializer.Deserialize(OctetsOf(whole).Span, type);
        });
        return (request, OctetsOf(whole));
    }

    /// <summary>Reads a part of a body that was read already.</summary>
    /// <exception cref="ProblemException">It is not this request.</exception>
    public static T Read<T>(ReadOnlySpan<byte> part, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(part, type) ?? throw new ProblemException(Problem.BadRequest("it is null; it must be an object"));
        }
        catch (JsonException exception)
        {
            throw new ProblemException(ProblemOf(exception, type));
        }
    }

    /// <summary>Lets the server take a body of so many octets, which is read within that limit.</summary>
    public static void Allow(HttpContext context, long limit)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = limit + Swallowed;
        }
    }

    private static async ValueTask<T> ReadAsync<T>(HttpContext context, Stream body, long limit, JsonTypeInfo<T> type, Func<Stream, ValueTask<T?>> read)
        where T : class
    {
        RequirePlain(context.Request);
        Allow(context, limit);
        await using var limited = new LimitedBody(body, limit);
        await using var named = new ShortNames(limited);
        try
        {
            return await read(named) ?? throw new ProblemException(Problem.BadRequest("the body is null; it must be an object"));
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new ProblemException(Problem.TooLarge($"the body is larger than {limit} octets"));
        }
        catch (JsonException exception)
        {
            throw new ProblemException(limited.IsEmpty ? Problem.BadRequest("the body is empty; it must be JSON") : ProblemOf(exception, type));
        }
    }

    // What is packed would be read as JSON that is wrong in its first octet. Whatever else is said there, such as the charset,
    // packs nothing.
    private static void RequirePlain(HttpRequest request)
    {
        var codings = request.Headers.ContentEncoding.ToString();
        if (codings.Length > 0 && codings.Split(',', StringSplitOptions.TrimEntries).Any(Compressed.Contains))
        {
            throw new ProblemException(new Problem(
                StatusCodes.Status415UnsupportedMediaType, "Unsupported media type", "the body is compressed (Content-Encoding), which is not taken here; send it as it is"));
        }
    }

    // A byte order mark may stand before JSON (RFC 8259, section 8.1); only a reader of streams passes over it by itself.
    private static ReadOnlyMemory<byte> OctetsOf(MemoryStream whole)
    {
        var octets = whole.GetBuffer().AsMemory(0, (int)whole.Length);
        return octets.Span.StartsWith(Encoding.UTF8.Preamble) ? octets[Encoding.UTF8.Preamble.Length..] : octets;
    }

    private static Problem ProblemOf(JsonException exception, JsonTypeInfo type)
    {
        var field = FieldOf(exception.Path);
        return exception switch
        {
            FieldException { Fault: FieldFault.List } list => Problem.Unprocessable(field[..field.LastIndexOf('[')], list.Message),
            FieldException { Fault: FieldFault.Name } twice => Problem.BadRequest(FieldOf(exception.Path + twice.Within), twice.Message),
            FieldException value => Problem.Unprocessable(FieldOf(exception.Path + value.Within), value.Message),

            // The reader's own words speak of the JSON text alone; the serializer's would name our types.
            { InnerException: JsonException syntax } => Problem.BadRequest($"the body cannot be read as JSON: {WordsOf(syntax)}"),

            { InnerException: not null } => Problem.Unprocessable(field, FieldRule.Of(type, field, isValue: true)),
            _ when field.Length == 0 => Problem.BadRequest("the body must be an object"),
            _ => Problem.BadRequest(field, FieldRule.Of(type, field, isValue: false)),
        };
    }

    // They end with a place, counted from 0 and called as in the reader's own code.
    private static string WordsOf(JsonException syntax)
    {
        var end = syntax.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(end < 0 ? syntax.Message : syntax.Message[..end])} (line {syntax.LineNumber + 1}, octet {syntax.BytePositionInLine + 1})");
    }

    // $.to[1].email -> to[1].email
    private static string FieldOf(string? path) => path is null ? "" : path.TrimStart('$').TrimStart('.');
}
