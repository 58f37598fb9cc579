using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Host.Commands;
using Relay.TestKit.Remote;

namespace Relay.Tests.Host.Commands;

public sealed class DoorVisitTests
{
    [Fact]
    public void A_certificate_that_signed_itself_is_worth_a_look()
    {
        using var certificate = TestCertificate.For("mx.relay.test");

        var (state, finding) = DoorVisit.Judge(certificate, isTrusted: true, "mx.relay.test", "Tls13");

        Assert.Equal("look", state);
        Assert.Contains("certificate mx.relay.test (self-signed)", finding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mx.relay.test", true, "well", "(trusted)")]
    [InlineData("mx.relay.test", false, "look", "(not trusted here)")]
    [InlineData("smtp.relay.test", true, "look", "it is not for smtp.relay.test")]
    public void One_of_an_authority_is_well_where_it_is_trusted_and_for_the_name(string name, bool isTrusted, string state, string words)
    {
        using var certificate = Signed("mx.relay.test", DateTimeOffset.UtcNow.AddDays(1));

        var judgement = DoorVisit.Judge(certificate, isTrusted, name, "Tls13");

        Assert.Equal(state, judgement.State);
        Assert.Contains(words, judgement.Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_has_expired_is_ill_whoever_signed_it()
    {
        using var certificate = Signed("mx.relay.test", DateTimeOffset.UtcNow.AddHours(-1));

        Assert.Equal("ill", DoorVisit.Judge(certificate, isTrusted: true, "mx.relay.test", "Tls13").State);
    }

    private static X509Certificate2 Signed(string name, DateTimeOffset until)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var root = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = root.CreateSelfSigned(until.AddDays(-10), until.AddDays(10));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request.Create(authority, until.AddDays(-5), until, [1, 2, 3]);
    }
}
