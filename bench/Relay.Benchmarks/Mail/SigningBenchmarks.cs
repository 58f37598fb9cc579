using BenchmarkDotNet.Attributes;
using MimeKit;
using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using Relay.Mail.Signing;
using DkimSigner = Relay.Mail.Signing.DkimSigner;
using OtherSigner = MimeKit.Cryptography.DkimSigner;

namespace Relay.Benchmarks.Mail;

/// <summary>What a DKIM signature costs, ours by the platform's RSA beside the MIME library's managed one.</summary>
public class SigningBenchmarks
{
    private byte[] _content = [];
    private int _body;
    private DkimSigner _rsa = null!;
    private DkimSigner _ed25519 = null!;
    private DkimSigner _both = null!;
    private OtherSigner _mimeKitRsa = null!;
    private OtherSigner _mimeKitEd25519 = null!;
    private MimeMessage _message = null!;

    [Params(1024, 10 * 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _content = Mails.Content(Size);
        _body = BodyDigest.StartOfBody(_content);

        var (rsaPrivate, _) = SigningKey.Create(DkimAlgorithm.Rsa);
        var (edPrivate, _) = SigningKey.Create(DkimAlgorithm.Ed25519);
        var rsa = SigningKey.Of(DkimAlgorithm.Rsa, "r", rsaPrivate);
        var ed25519 = SigningKey.Of(DkimAlgorithm.Ed25519, "e", edPrivate);
        (_rsa, _ed25519, _both) = (new("sender.test", [rsa]), new("sender.test", [ed25519]), new("sender.test", [rsa, ed25519]));

        _mimeKitRsa = MimeKitSigner(PrivateKeyFactory.CreateKey(rsaPrivate), DkimSignatureAlgorithm.RsaSha256);
        _mimeKitEd25519 = MimeKitSigner(new Ed25519PrivateKeyParameters(edPrivate), DkimSignatureAlgorithm.Ed25519Sha256);
        _message = MimeMessage.Load(new MemoryStream(_content));
    }

    [Benchmark(Baseline = true)]
    public byte[] Rsa() => Sign(_rsa);

    [Benchmark]
    public byte[] Ed25519() => Sign(_ed25519);

    [Benchmark]
    public byte[] RsaAndEd25519() => Sign(_both);

    [Benchmark]
    public byte[] BodyHashAlone() => BodyDigest.Of(_content.AsSpan(_body));

    // Without parsing, which it would need for mail that came by SMTP.
    [Benchmark]
    public int MimeKitRsa() => Sign(_mimeKitRsa);

    [Benchmark]
    public int MimeKitEd25519() => Sign(_mimeKitEd25519);

    private byte[] Sign(DkimSigner signer) =>
        signer.Sign([], _content.AsSpan(0, _body), BodyDigest.Of(_content.AsSpan(_body)), DateTimeOffset.UnixEpoch);

    private int Sign(OtherSigner signer)
    {
        signer.Sign(_message, [HeaderId.From, HeaderId.To, HeaderId.Subject, HeaderId.Date, HeaderId.MessageId, HeaderId.MimeVersion, HeaderId.ContentType, HeaderId.ListUnsubscribe]);
        _message.Headers.RemoveAll(HeaderId.DkimSignature);
        return _message.Headers.Count;
    }

    private static OtherSigner MimeKitSigner(Org.BouncyCastle.Crypto.AsymmetricKeyParameter key, DkimSignatureAlgorithm algorithm) =>
        new(key, "sender.test", "r", algorithm)
        {
            HeaderCanonicalizationAlgorithm = DkimCanonicalizationAlgorithm.Relaxed,
            BodyCanonicalizationAlgorithm = DkimCanonicalizationAlgorithm.Relaxed,
        };
}
