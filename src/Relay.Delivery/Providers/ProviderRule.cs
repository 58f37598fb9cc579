namespace Relay.Delivery.Providers;

/// <summary>One receiver of the rules file. What it does not name is as anywhere else.</summary>
internal sealed record ProviderRule
{
    public required string Name { get; init; }
    public string Because { get; init; } = "";

    /// <summary>Host names; an exchanger may be one of them or below it.</summary>
    public IReadOnlyList<string> Mx { get; init; } = [];

    public Limited<int>? Connections { get; init; }
    public Limited<int>? Messages { get; init; }
    public Limited<Rate>? Rate { get; init; }

    /// <summary>An exchanger that this rule and no other decides.</summary>
    public string? Example { get; init; }

    public bool Fits(string host)
    {
        foreach (var name in Mx)
        {
            if (host.EndsWith(name, StringComparison.OrdinalIgnoreCase) && (host.Length == name.Length || host[^(name.Length + 1)] == '.'))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>This rule with what a later reading knows beside it.</summary>
    public ProviderRule Over(ProviderRule shipped) => shipped with
    {
        Because = Because.Length > 0 ? Because : shipped.Because,
        Mx = Mx.Count > 0 ? Mx : shipped.Mx,
        Connections = Connections ?? shipped.Connections,
        Messages = Messages ?? shipped.Messages,
        Rate = Rate ?? shipped.Rate,
        Example = Example ?? shipped.Example,
    };

    public Ceilings Within(Ceilings usual) => new(Connections?.Value ?? usual.Connections, Messages?.Value ?? usual.MessagesPerConnection, Rate?.Value ?? usual.Rate);
}

/// <summary>A ceiling with its reason.</summary>
internal sealed record Limited<T>(T Value, string Reason);
