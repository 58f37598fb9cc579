using Relay.Redis;
using Relay.Redis.Connections;

namespace Relay.Tests.Redis.Connections;

public sealed class ConnectionStringTests
{
    [Fact]
    public void A_connection_string_that_cannot_be_read_is_refused_in_words()
    {
        var refusal = Assert.Throws<StoreRefusedException>(() => StoreConnections.Configure("127.0.0.1:6379,pasword=x", TimeSpan.FromSeconds(1)));

        Assert.StartsWith("Relay:Redis is not of the form ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("pasword", refusal.Message, StringComparison.Ordinal);
    }
}
