using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
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

    [Fact]
    public async Task A_door_for_its_own_machine_is_not_looked_at_from_another()
    {
        // As in the compose file: 2526 stays on the container's loopback, where nothing of ours listens.
        var listener = JsonElement.Parse("""{ "protocol": "smtp", "tls": "None", "address": "127.0.0.1:9" }""");

        var elsewhere = await new DoorVisit(new Uri("http://127.0.0.1:8080/"), isElsewhere: true, Patience).KnockAsync(listener, Cancellation);
        var here = await new DoorVisit(new Uri("http://127.0.0.1:8080/"), isElsewhere: false, Patience).KnockAsync(listener, Cancellation);

        Assert.Equal(("unseen", "ill"), (elsewhere.State, here.State));
    }

    [Fact]
    public async Task A_door_on_any_address_is_looked_for_where_the_relay_was_found_and_nowhere_else()
    {
        // What stands on loopback here is not the relay that the URL names.
        using var stranger = new TcpListener(IPAddress.Loopback, 0);
        stranger.Start();
        var listener = JsonElement.Parse($$"""{ "protocol": "smtp", "tls": "None", "address": "0.0.0.0:{{((IPEndPoint)stranger.LocalEndpoint).Port}}" }""");
        var greeted = GreetAsync(stranger);

        var byName = await new DoorVisit(new Uri("http://nowhere.invalid:8080/"), isElsewhere: true, Patience).KnockAsync(listener, Cancellation);
        var byAddress = await new DoorVisit(new Uri("http://127.0.0.1:8080/"), isElsewhere: false, Patience).KnockAsync(listener, Cancellation);

        Assert.Equal(("ill", "well"), (byName.State, byAddress.State));
        await greeted;
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{ "store": 1 }""")]
    [InlineData("\"ok\"")]
    [InlineData("<html>")]
    [InlineData("")]
    public void What_answers_otherwise_is_no_relay(string answer)
    {
        var failure = Assert.Throws<CommandFailure>(() => DoctorCommand.ReadinessIn(Encoding.UTF8.GetBytes(answer), new Uri("http://other.test/")));

        Assert.Equal((69, "what answers at http://other.test/ is no relay"), (failure.ExitCode, failure.Message));
    }

    private static TimeSpan Patience => TimeSpan.FromSeconds(10);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static async Task GreetAsync(TcpListener listener)
    {
        using var client = await listener.AcceptTcpClientAsync(Cancellation);
        await client.GetStream().WriteAsync("220 stranger.test ESMTP\r\n"u8.ToArray(), Cancellation);
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
