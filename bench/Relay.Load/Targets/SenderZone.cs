using System.Text.Json;
using Relay.TestKit.Dns;

namespace Relay.Load.Targets;

/// <summary>The zone of the sender's domain, with all that the relay asks it to publish.</summary>
internal sealed class SenderZone : IAsyncDisposable
{
    private readonly ScriptedDns _dns = ScriptedDns.Start();

    public string Server => _dns.Server;

    /// <param name="domain">As <c>POST /domains</c> answers it.</param>
    public void Publish(JsonElement domain)
    {
        foreach (var record in domain.GetProperty("records").EnumerateArray())
        {
            var (name, value) = (record.GetProperty("name").GetString()!, record.GetProperty("value").GetString()!);
            _ = record.GetProperty("type").GetString() switch
            {
                "TXT" => _dns.Txt(name, value),
                "MX" => _dns.Mx(name, (10, value.Split(' ')[1])),
                _ => _dns.Cname(name, value),
            };
        }
    }

    public ValueTask DisposeAsync() => _dns.DisposeAsync();
}
