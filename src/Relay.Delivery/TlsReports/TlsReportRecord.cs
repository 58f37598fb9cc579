namespace Relay.Delivery.TlsReports;

/// <summary>The TXT record with which a domain asks for reports (RFC 8460, 3).</summary>
internal static class TlsReportRecord
{
    // A record that names hundreds of places does not make us write to hundreds.
    private const int MaxPlaces = 5;

    /// <summary>The name whose TXT records are asked for.</summary>
    public static string NameFor(string domain) => $"_smtp._tls.{domain}";

    /// <summary>Where reports go, <c>mailto:</c> or <c>https:</c>; empty where the domain asks for none, or has more than one record.</summary>
    public static IReadOnlyList<Uri> PlacesIn(IReadOnlyList<string> texts)
    {
        var records = texts.Where(text => text.Split(';')[0].Trim() == "v=TLSRPTv1").ToList();
        return records.Count != 1
            ? []
            :
            [
                .. records[0].Split(';', StringSplitOptions.TrimEntries)
                    .Where(field => field.StartsWith("rua=", StringComparison.Ordinal))
                    .Take(1)
                    .SelectMany(field => field[4..].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                    .Select(text => Uri.TryCreate(text, UriKind.Absolute, out var place) ? place : null)
                    .OfType<Uri>()
                    .Where(place => place.Scheme is "mailto" or "https")
                    .Take(MaxPlaces),
            ];
    }
}
