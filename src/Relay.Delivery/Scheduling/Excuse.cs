using Relay.Delivery.Sending;

namespace Relay.Delivery.Scheduling;

/// <summary>Why a site is left alone, and until when.</summary>
internal sealed record Excuse(string Words, string Rule, DateTimeOffset Until)
{
    /// <summary>What it is for a message that comes by meanwhile.</summary>
    public Outcome ToOutcome(DateTimeOffset now) => new Outcome.Deferred(Words, Rule) { Wait = Until > now ? Until - now : null };
}
