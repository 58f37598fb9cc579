using Microsoft.Extensions.Configuration;

namespace Relay.Delivery.Routing;

/// <summary>The ports on which this relay itself takes mail; to deliver there would be a circle.</summary>
internal sealed record OwnListeners(IReadOnlySet<int> Ports)
{
    // Read from the configuration rather than asked of the doors: they may run in another process.
    public static OwnListeners From(IConfiguration relay)
    {
        var ports = relay.GetSection("Submission:Listeners").GetChildren()
            .Append(relay.GetSection("Inbound"))
            .Select(listener => int.TryParse(listener["Port"], out var port) ? port : 0)
            .Where(port => port > 0);
        return new OwnListeners(ports.ToHashSet());
    }
}
