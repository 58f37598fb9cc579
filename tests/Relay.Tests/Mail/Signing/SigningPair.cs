using Relay.Mail.Signing;

namespace Relay.Tests.Mail.Signing;

/// <summary>A domain's two keys, and what it publishes of them.</summary>
internal sealed class SigningPair
{
    public const string Domain = "shop.test";

    private readonly byte[] _rsaPublic;
    private readonly byte[] _edPublic;

    public SigningPair()
    {
        (var rsaPrivate, _rsaPublic) = SigningKey.Create(DkimAlgorithm.Rsa);
        (var edPrivate, _edPublic) = SigningKey.Create(DkimAlgorithm.Ed25519);
        Rsa = SigningKey.Of(DkimAlgorithm.Rsa, "first", rsaPrivate);
        Ed25519 = SigningKey.Of(DkimAlgorithm.Ed25519, "second", edPrivate);
        Signer = new DkimSigner(Domain, [Rsa, Ed25519]);
    }

    public SigningKey Rsa { get; }
    public SigningKey Ed25519 { get; }
    public DkimSigner Signer { get; }

    /// <summary>Name and text of each record.</summary>
    public IReadOnlyList<(string Name, string Text)> Records =>
    [
        ($"first._domainkey.{Domain}", $"v=DKIM1; k=rsa; p={Convert.ToBase64String(_rsaPublic)}"),
        ($"second._domainkey.{Domain}", $"v=DKIM1; k=ed25519; p={Convert.ToBase64String(_edPublic)}"),
    ];

    /// <summary>The message as it leaves: the signatures, the prologue, and what was submitted.</summary>
    public byte[] Sign(byte[] content, string prologue = "", DateTimeOffset? now = null)
    {
        var top = System.Text.Encoding.ASCII.GetBytes(prologue);
        var body = BodyDigest.StartOfBody(content);
        var signatures = Signer.Sign(top, content.AsSpan(0, body), BodyDigest.Of(content.AsSpan(body)), now ?? DateTimeOffset.UtcNow);
        return [.. signatures, .. top, .. content];
    }

    public (int Good, int All) CheckWithMimeKit(byte[] signed) =>
        new PublishedKeys(new Dictionary<string, (DkimAlgorithm, byte[])>
        {
            ["first"] = (DkimAlgorithm.Rsa, _rsaPublic),
            ["second"] = (DkimAlgorithm.Ed25519, _edPublic),
        }).Check(signed);
}
