using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Relay.Host.Listening;

/// <summary>The doors that this process holds open, with the ports they got.</summary>
internal sealed class Listeners
{
    private readonly List<Listener> _bound = [];

    /// <summary>HTTP first, then as configured. The ports are final once the application has started.</summary>
    public IReadOnlyList<Listener> Bound => _bound;

    public string ApiUrl => $"http://{_bound[0].EndPoint}";

    public IReadOnlyList<(string Address, string Tls)> Submission => [.. _bound.Skip(1).Select(l => (l.EndPoint, l.Name))];

    public void Add(string name, ListenOptions options) => _bound.Add(new Listener(name, options));
}

/// <param name="Name">What is spoken there: <c>http</c>, <c>smtp (StartTls)</c>.</param>
internal sealed record Listener(string Name, ListenOptions Options)
{
    // Kestrel writes the port that the system chose back into its options.
    public string EndPoint => Options.IPEndPoint?.ToString() ?? "";
}
