using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Relay.Faults.Ledgers;

/// <summary>One mail as a client makes it up: nobody else's token, lines that begin with dots, any size up to some chunks.</summary>
internal sealed record LedgerMail
{
    public const string SenderDomain = "sender.test";
    public const string Sender = $"orders@{SenderDomain}";
    public const string TokenHeader = "X-Ledger-Token";

    // Lines that a careless relay would change: dots to stuff, trailing blanks, the mbox separator.
    private static readonly string[] Awkward = [".", "..", ".hidden", "...and so on", "trailing blank ", "From here on", "-- ", ""];

    public required string Token { get; init; }
    public required IReadOnlyList<string> Recipients { get; init; }
    public required string Text { get; init; }
    public string? IdempotencyKey { get; init; }

    /// <summary>Lines end in LF as JSON has them; on the wire in CRLF.</summary>
    private byte[] Body => Encoding.ASCII.GetBytes(Text.Replace("\n", "\r\n", StringComparison.Ordinal));

    public string BodyHash => HashOf(Body);

    public static LedgerMail Make(string token, IReadOnlyList<string> recipients, Random random, int octets, bool hasKey)
    {
        var text = new StringBuilder($"token {token}\n");
        while (text.Length < octets)
        {
            text.Append(random.Next(6) == 0 ? Awkward[random.Next(Awkward.Length)] : Convert.ToHexString(Octets(random, 30))).Append('\n');
        }

        return new LedgerMail
        {
            Token = token,
            Recipients = recipients,
            Text = text.Append("end ").Append(token).Append('\n').ToString(),
            IdempotencyKey = hasKey ? $"key-{token}" : null,
        };
    }

    public static string HashOf(ReadOnlySpan<byte> body) => Convert.ToHexStringLower(SHA256.HashData(body));

    /// <summary>The octets after 354, dots stuffed, without the final dot.</summary>
    public byte[] ToWire()
    {
        var header = new StringBuilder()
            .Append($"From: Shop <{Sender}>\r\nTo: <{Recipients[0]}>\r\nSubject: ledger {Token}\r\n")
            .Append($"Message-ID: <{Token}@sender.test>\r\nDate: Mon, 02 Mar 2026 09:30:00 +0000\r\n{TokenHeader}: {Token}\r\n");
        if (IdempotencyKey is not null)
        {
            header.Append($"Idempotency-Key: {IdempotencyKey}\r\n");
        }

        var stuffed = $"\n{Text}".Replace("\n.", "\n..", StringComparison.Ordinal)[1..].Replace("\n", "\r\n", StringComparison.Ordinal);
        return Encoding.ASCII.GetBytes(header.Append("\r\n").Append(stuffed).ToString());
    }

    /// <summary>The same for <c>POST /send</c>.</summary>
    public JsonObject ToJson() => new()
    {
        ["from"] = $"Shop <{Sender}>",
        ["to"] = new JsonArray([.. Recipients.Select(r => (JsonNode)r)]),
        ["subject"] = $"ledger {Token}",
        ["headers"] = new JsonObject { [TokenHeader] = Token },
        ["text"] = Text,
    };

    private static byte[] Octets(Random random, int count)
    {
        var octets = new byte[count];
        random.NextBytes(octets);
        return octets;
    }
}
