using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Sites;

namespace Relay.Intake.Http.Queue;

/// <summary><c>GET /queue/sites</c>: how each node gets on with the receivers it has mail for.</summary>
internal sealed class SitesEndpoint(IEnumerable<ISiteReader> ours, ISiteBoard board)
{
    public async Task<IResult> ListAsync(HttpContext context)
    {
        var peers = await board.ReadPeersAsync(context.RequestAborted);
        return TypedResults.Json(
            new Page<SiteView>([.. ours.SelectMany(reader => reader.List()).Concat(peers).Select(SiteView.Of)]), AnswerJson.Default.PageSiteView);
    }
}

internal sealed record SiteView
{
    /// <summary>The rule for a large receiver; else the hosts, or the route.</summary>
    public required string Site { get; init; }

    public required string Node { get; init; }

    /// <summary>Sets of exchangers among it: tenants of a large receiver have their own.</summary>
    public required int Sites { get; init; }

    public required int Connections { get; init; }

    /// <summary>Connections it may have now.</summary>
    public required int Limit { get; init; }

    /// <summary>Connections it may ever have, all nodes together.</summary>
    public required int Ceiling { get; init; }

    /// <summary>This node's part of the ceiling, where several deliver.</summary>
    public int? Share { get; init; }

    /// <summary>Units in hand that wait for a connection. What waits in the queue behind them is not counted.</summary>
    public required int Waiting { get; init; }

    /// <summary><c>flowing</c>, or <c>resting</c>: left alone.</summary>
    public required string Status { get; init; }

    /// <summary>Why it has no more, in the receiver's own words where those are the reason.</summary>
    public required string Why { get; init; }

    public DateTimeOffset? Until { get; init; }

    /// <summary>Messages in the last minute.</summary>
    public required int PerMinute { get; init; }

    /// <summary>The most it is sent: <c>500/1m</c>.</summary>
    public string? Rate { get; init; }

    public double? MessagesPerConnection { get; init; }

    public static SiteView Of(SiteStatus site) => new()
    {
        Site = site.Name,
        Node = site.Node,
        Sites = site.Sites,
        Connections = site.Connections,
        Limit = site.Limit,
        Ceiling = site.Ceiling,
        Share = site.Share,
        Waiting = site.Waiting,
        Status = site.IsResting ? "resting" : "flowing",
        Why = site.Why,
        Until = site.Until,
        PerMinute = site.PerMinute,
        Rate = site.Rate,
        MessagesPerConnection = site.MessagesPerConnection,
    };
}
