using System.Globalization;
using Microsoft.Extensions.Options;
using MimeKit;
using Relay.Mail;
using Relay.Mail.Messages;
using Relay.Mail.Policies;
using Relay.Smtp.Addresses;

namespace Relay.Delivery.TlsReports;

/// <summary>Writes a day's report, as a file and as the letter that carries it (RFC 8460, 4.4 and 5.3).</summary>
internal sealed class TlsReportAuthor(IOptions<DeliveryOptions> options, IOptions<RelayOptions> relay)
{
    private TlsReportOptions Options => options.Value.Tls.Reports;

    private string From => Options.From ?? $"tls-reports@{relay.Value.HostName}";

    private string OwnDomain => From[(From.IndexOf('@', StringComparison.Ordinal) + 1)..];

    /// <summary>Whether there is an address from which a report may come: a name without a dot is no name to the world.</summary>
    public bool HasName => EnvelopeAddress.TryParse(From, out var from, out _) && from.Domain.Contains('.', StringComparison.Ordinal);

    public TlsReport Write(DateOnly day, string domain, TlsDay counted)
    {
        var start = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        return new TlsReport
        {
            Organization = Options.Organization ?? OwnDomain,
            DateRange = new TlsReport.Range(start, start.AddDays(1).AddSeconds(-1)),
            Contact = Options.Contact ?? From,

            // The same whoever sends it and however often, so that who gets it twice can tell.
            Id = $"{day:yyyy-MM-dd}.{domain}@{OwnDomain}",
            Policies = TlsReport.Sum(domain, counted.Totals),
        };
    }

    /// <summary>RFC 8460, 5.1.</summary>
    public string FileName(TlsReport report, string domain) => string.Create(
        CultureInfo.InvariantCulture, $"{OwnDomain}!{domain}!{report.DateRange.Start.ToUnixTimeSeconds()}!{report.DateRange.End.ToUnixTimeSeconds()}.json.gz");

    public OwnMail Letter(TlsReport report, string domain, EnvelopeAddress to, byte[] file, DateTimeOffset now)
    {
        using var letter = new MimeMessage();
        letter.From.Add(new MailboxAddress(Options.Organization ?? "", From));
        letter.To.Add(new MailboxAddress("", to.AsciiDomainText));
        letter.Subject = $"Report Domain: {domain} Submitter: {OwnDomain} Report-ID: <{report.Id}>";
        letter.Date = now;
        letter.MessageId = report.Id;
        letter.Headers.Add("TLS-Report-Domain", domain);
        letter.Headers.Add("TLS-Report-Submitter", OwnDomain);

        // Reports of broken TLS have to arrive though TLS is broken (RFC 8460, 3; RFC 8689, 5).
        letter.Headers.Add("TLS-Required", "No");
        letter.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        letter.Body = new Multipart("report")
        {
            new TextPart("plain") { Text = Words(report, domain) },
            new MimePart("application", "tlsrpt+gzip")
            {
                Content = new MimeContent(new MemoryStream(file)),
                ContentTransferEncoding = ContentEncoding.Base64,
                ContentDisposition = new ContentDisposition(ContentDisposition.Attachment) { FileName = FileName(report, domain) },
            },
        };
        letter.Body.ContentType.Parameters.Add("report-type", "tlsrpt");

        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        using var stream = new MemoryStream();
        letter.WriteTo(format, stream);
        return new OwnMail(EnvelopeAddress.Parse(From), to, stream.ToArray(), $"tlsrpt:{report.Id}:{to.Text}");
    }

    private static string Words(TlsReport report, string domain) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        This is a report on TLS sessions with the mail exchangers of {domain} on {report.DateRange.Start:yyyy-MM-dd} (UTC).
        Sessions that went well: {report.Policies.Sum(p => p.Summary.Successful)}; that failed: {report.Policies.Sum(p => p.Summary.Failed)}.
        The attached file is for programs (RFC 8460).

        """);
}
