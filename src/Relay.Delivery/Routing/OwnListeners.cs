using Microsoft.Extensions.Configuration;

namespace Relay.Delivery.Routing;

/// <summary>The ports on which this relay itself takes mail; to deliver there would be a circle.</summary>
internal sealed record OwnListeners(IReadOnlySet<int> Ports)
{
    // Where the door for what comes back stands unless it is told; the world finds exchangers nowhere else.
    private const int SmtpPort = 25;

    // Read from the configuration rather than asked of the doors: they may run in another process.
    public static OwnListeners From(IConfiguration relay)
    {
        var inbound = relay.GetSection("Inbound");
        var ports = relay.GetSection("Submission:Listeners").GetChildren()
            .Append(inbound)
            .Select(listener => int.TryParse(listener["Port"], out var port) ? port : 0)
            .Append(bool.TryParse(inbound["Enabled"], out var isOpen) && isOpen && inbound["Port"] is null ? SmtpPort : 0)
            .Where(port => port > 0);
        return new OwnListeners(ports.ToHashSet());
    }
}
