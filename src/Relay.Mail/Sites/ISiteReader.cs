namespace Relay.Mail.Sites;

/// <summary>How the delivery of this process gets on with its receivers.</summary>
public interface ISiteReader
{
    /// <summary>Those with mail or connections now, and those that are left alone.</summary>
    IReadOnlyList<SiteStatus> List();
}

/// <summary>How one node gets on with one receiver.</summary>
public sealed record SiteStatus
{
    public required string Node { get; init; }

    /// <summary>The rule's name for a large receiver; else the hosts, or the route.</summary>
    public required string Name { get; init; }

    /// <summary>Sets of hosts among it: the tenants of a large receiver have exchangers of their own.</summary>
    public required int Sites { get; init; }

    public required int Connections { get; init; }

    /// <summary>Connections it may have now.</summary>
    public required int Limit { get; init; }

    /// <summary>Connections it may ever have, all nodes together.</summary>
    public required int Ceiling { get; init; }

    /// <summary>This node's part of the ceiling; null where it has no peers.</summary>
    public int? Share { get; init; }

    /// <summary>Units in this node's hands that wait for a connection.</summary>
    public required int Waiting { get; init; }

    /// <summary>Why it has no more.</summary>
    public required string Why { get; init; }

    /// <summary>Until when that holds; null where it is no matter of time.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>It is left alone until then.</summary>
    public bool IsResting { get; init; }

    /// <summary>Messages in the last minute.</summary>
    public required int PerMinute { get; init; }

    /// <summary>The most it is sent, such as <c>500/1m</c>; null for as many as go.</summary>
    public string? Rate { get; init; }

    /// <summary>Messages for each connection that was opened, since it is known.</summary>
    public double? MessagesPerConnection { get; init; }
}
