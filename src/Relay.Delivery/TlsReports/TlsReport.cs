using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Mail.Policies;

namespace Relay.Delivery.TlsReports;

/// <summary>A report as it goes out (RFC 8460, 4.4).</summary>
internal sealed record TlsReport
{
    [JsonPropertyName("organization-name")]
    public required string Organization { get; init; }

    [JsonPropertyName("date-range")]
    public required Range DateRange { get; init; }

    [JsonPropertyName("contact-info")]
    public required string Contact { get; init; }

    [JsonPropertyName("report-id")]
    public required string Id { get; init; }

    [JsonPropertyName("policies")]
    public required IReadOnlyList<Entry> Policies { get; init; }

    public byte[] ToGzip()
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.SmallestSize))
        {
            JsonSerializer.Serialize(gzip, this, TlsReportJson.Default.TlsReport);
        }

        return stream.ToArray();
    }

    /// <summary>Adds up what the processes have counted.</summary>
    public static IReadOnlyList<Entry> Sum(string domain, IEnumerable<TlsPolicyTotals> totals) =>
    [
        .. totals
            .GroupBy(t => (t.Type, Lines: string.Join('\n', t.Lines), Hosts: string.Join('\n', t.MxHosts)))
            .Select(same =>
            {
                var failures = same.SelectMany(t => t.Failures)
                    .GroupBy(f => f with { Sessions = 0 })
                    .Select(f => new Failure(f.Key.Result, f.Key.SendingAddress, f.Key.Host, f.Key.ReceivingAddress, f.Sum(one => one.Sessions)))
                    .OrderByDescending(f => f.Sessions)
                    .ToList();
                var first = same.First();
                return new Entry(
                    new Policy(first.Type, first.Lines, domain, first.MxHosts),
                    new Summary(same.Sum(t => t.Successful), failures.Sum(f => f.Sessions)),
                    failures.Count == 0 ? null : failures);
            })
            .OrderBy(entry => entry.Policy.Type, StringComparer.Ordinal),
    ];

    internal sealed record Range([property: JsonPropertyName("start-datetime")] DateTimeOffset Start, [property: JsonPropertyName("end-datetime")] DateTimeOffset End);

    internal sealed record Entry(
        [property: JsonPropertyName("policy")] Policy Policy,
        [property: JsonPropertyName("summary")] Summary Summary,
        [property: JsonPropertyName("failure-details")] IReadOnlyList<Failure>? Failures);

    internal sealed record Policy(
        [property: JsonPropertyName("policy-type")] string Type,
        [property: JsonPropertyName("policy-string")] IReadOnlyList<string> Lines,
        [property: JsonPropertyName("policy-domain")] string Domain,
        [property: JsonPropertyName("mx-host")] IReadOnlyList<string> MxHosts);

    internal sealed record Summary(
        [property: JsonPropertyName("total-successful-session-count")] long Successful,
        [property: JsonPropertyName("total-failure-session-count")] long Failed);

    internal sealed record Failure(
        [property: JsonPropertyName("result-type")] string Result,
        [property: JsonPropertyName("sending-mta-ip")] string? SendingAddress,
        [property: JsonPropertyName("receiving-mx-hostname")] string? Host,
        [property: JsonPropertyName("receiving-ip")] string? ReceivingAddress,
        [property: JsonPropertyName("failed-session-count")] long Sessions);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TlsReport))]
internal sealed partial class TlsReportJson : JsonSerializerContext;
