using Relay.Intake.Domains;

namespace Relay.Tests.Intake.Domains;

public sealed class DomainOptionsTests
{
    [Theory]
    [InlineData("mx1.relay.test", "192.0.2.1", true)]
    [InlineData("mx1.relay.test", "2001:db8::1", true)]
    [InlineData("mx1.relay.test", "out.relay.test", true)]
    [InlineData("192.0.2.1", "out.relay.test", false)]
    [InlineData("mx1", "out.relay.test", false)]
    [InlineData("mx1.relay.test", "192.0.2.0/24", false)]
    [InlineData("mx1.relay.test", "a:out.relay.test", false)]
    public void Records_lead_to_names_and_let_names_and_addresses_send(string returnPath, string sending, bool good) =>
        Assert.Equal(good, new DomainOptionsRules().Validate(null, new DomainOptions { ReturnPathHosts = [returnPath], SendingHosts = [sending] }).Succeeded);
}
