using BenchmarkDotNet.Attributes;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Benchmarks.Mail;

/// <summary>What the return path costs each message, and what a stranger who knocks at the inbound door can make us do.</summary>
public class TokenBenchmarks
{
    private readonly MailTokens _tokens = new(TimeProvider.System);
    private readonly MessageId _message = MessageId.Create(TimeProvider.System);
    private string _token = "";
    private string _sealed = "";

    [GlobalSetup]
    public void SetUp()
    {
        _tokens.Use([new TokenKey(0, new byte[TokenKey.SecretBytes], DateTimeOffset.UnixEpoch)]);
        _tokens.TryMint(TokenPurpose.ReturnPath, _message, null, out _token);
        new Unsubscription("acct_0123456789abcdef", _message, "ada@example.com", "news").TrySeal(_tokens, out _sealed);
    }

    [Benchmark(Baseline = true)]
    public string Mint()
    {
        _tokens.TryMint(TokenPurpose.ReturnPath, _message, null, out var token);
        return token;
    }

    [Benchmark]
    public EnvelopeAddress ReturnPath() => EnvelopeAddress.Parse($"{Mint()}@bounce.sender.test");

    [Benchmark]
    public bool Read() => _tokens.TryRead(_token, out _);

    [Benchmark]
    public bool ReadWhatIsNone() => _tokens.TryRead("somebody", out _);

    [Benchmark]
    public string Seal()
    {
        new Unsubscription("acct_0123456789abcdef", _message, "ada@example.com", "news").TrySeal(_tokens, out var token);
        return token;
    }

    [Benchmark]
    public Unsubscription? Open() => Unsubscription.Open(_tokens, _sealed);
}
