using System.Globalization;
using Relay.TestKit.Dns;

namespace Relay.Load.Targets;

/// <summary>
/// Destination domains of which each has an exchanger of its own, on an address of its own on loopback: to look up, to connect to
/// and to keep a connection for, as the domains of many companies are.
/// </summary>
/// <param name="port">At which every address of loopback takes mail.</param>
internal sealed class DestinationZone(int port) : IAsyncDisposable
{
    /// <summary>What the domains lie in.</summary>
    public const string Name = "own.test";

    private readonly ScriptedDns _dns = ScriptedDns.Start();

    public int Port => port;

    public string Server => _dns.Server;

    /// <param name="count">From the first on, named as the generator names them.</param>
    public void Publish(int count)
    {
        for (var number = 0; number < count; number++)
        {
            var domain = string.Create(CultureInfo.InvariantCulture, $"d{number:D6}.{Name}");
            _dns.Mx(domain, (10, $"mx.{domain}")).A($"mx.{domain}", LoopbackAddress.Of(number));
        }
    }

    public ValueTask DisposeAsync() => _dns.DisposeAsync();
}
