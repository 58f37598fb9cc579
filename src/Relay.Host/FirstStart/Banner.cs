using System.Text;
using Relay.Host.Commands;

namespace Relay.Host.FirstStart;

/// <summary>What a newcomer needs, once: where the relay listens, how to log in, and lines that work when pasted.</summary>
internal sealed record Banner
{
    public required string ApiUrl { get; init; }
    public required IReadOnlyList<(string Address, string Tls)> Submission { get; init; }
    public required string ApiKey { get; init; }
    public required string TestKey { get; init; }

    /// <summary>How this very program is called from the present folder.</summary>
    public required string Program { get; init; }

    public required bool DomainsMustBeVerified { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine()
            .AppendLine("  Relay runs. This is shown once; keep the keys now.")
            .AppendLine()
            .AppendLine($"    HTTP API     {ApiUrl} (described at {ApiUrl}/scalar)");
        foreach (var (address, tls) in Submission)
        {
            text.AppendLine($"    SMTP         {address,-18} {Words(tls)}");
        }

        text.AppendLine("    SMTP login   user name: any, password: a key")
            .AppendLine($"    API key      {ApiKey}   sends to the world{(DomainsMustBeVerified ? ", from verified domains: POST /domains" : "")}")
            .AppendLine($"    Test key     {TestKey}   goes all the way but the last hop, into the inbox")
            .AppendLine()
            .AppendLine("  Send a first mail by HTTP, and by SMTP:")
            .AppendLine()
            .AppendLine($"    {CurlLine()}");
        if (SmtpLine() is { } smtp)
        {
            text.AppendLine().AppendLine($"    {smtp}");
        }

        return text.AppendLine()
            .AppendLine("  Read what arrived:")
            .AppendLine()
            .AppendLine($"    curl -H 'Authorization: Bearer {TestKey}' {ApiUrl}/inbox")
            .AppendLine()
            .AppendLine($"    {Environment()}{RelayClient.KeyVariable}={TestKey} {Program} inbox")
            .ToString();
    }

    private string CurlLine()
    {
        const string mail = """{"from":"you@example.com","to":"friend@example.com","subject":"Hello by HTTP","text":"It works."}""";
        return $"curl {ApiUrl}/send -H 'Authorization: Bearer {TestKey}' -H 'Content-Type: application/json' -d '{mail}'";
    }

    // A listener without TLS first: our own certificate is nothing that curl trusts.
    private string? SmtpLine()
    {
        if (Submission.Count == 0)
        {
            return null;
        }

        var (address, tls) = Submission.OrderBy(s => s.Tls == "None" ? 0 : s.Tls == "StartTls" ? 1 : 2).First();
        var (scheme, flags) = tls switch
        {
            "None" => ("smtp", ""),
            "StartTls" => ("smtp", " --ssl-reqd --insecure"),
            _ => ("smtps", " --insecure"),
        };
        return @"printf 'From: you@example.com\r\nTo: friend@example.com\r\nSubject: Hello by SMTP\r\n\r\nIt works.\r\n' | "
            + $"curl {scheme}://{address}{flags} --user relay:{TestKey} --mail-from you@example.com --mail-rcpt friend@example.com --upload-file -";
    }

    private static string Words(string tls) => tls switch
    {
        "StartTls" => "STARTTLS",
        "Implicit" => "TLS",
        _ => "without TLS, for software on this machine",
    };

    private string Environment() => ApiUrl == RelayClient.DefaultUrl ? "" : $"{RelayClient.UrlVariable}={ApiUrl} ";
}
