using Relay.Delivery.Scheduling;
using Relay.Delivery.Sources;
using Relay.Mail.Classification;

namespace Relay.Delivery.Sending;

/// <summary>
/// What attempts and connections mean for others than the message at hand: how many connections there may be, who is left alone
/// and who is not any more, from where the next mail leaves, and whether a person has to know.
/// </summary>
internal sealed class Aftermath(
    SourceAddresses sources, BlockedDomains blocked, RestingSites resting, Alerts alerts, Settler settler, DeliveryWindow window)
{
    /// <summary>A courier has a connection to the site.</summary>
    public void Reached(Site site)
    {
        site.Connected();
        if (site.Standing.Connected())
        {
            Reopen(site.Standing);
        }
    }

    /// <summary>No host of the site could be reached, and nobody else has a connection to it.</summary>
    public void NotReached(Site site, string words)
    {
        if (site.Standing.Failed(words))
        {
            resting.Add(site.Standing);
        }
    }

    public void Of(Site site, Attempt attempt)
    {
        Outcome? refusal = null;
        Outcome? block = null;
        var (wasAnswered, wasTaken) = (false, false);
        foreach (var outcome in attempt.Outcomes)
        {
            wasTaken |= outcome is Outcome.Delivered;
            wasAnswered |= outcome.IsRemotes || outcome is Outcome.Delivered;
            refusal = outcome.Follows.HasFlag(Consequence.SlowSite) ? outcome : refusal;
            block = outcome.Follows.HasFlag(Consequence.RetryElsewhere) ? outcome : block;
            if (outcome.Follows.HasFlag(Consequence.Alert))
            {
                alerts.Raise(site.Plan.Key, outcome, attempt.LastContact);
            }
        }

        if (block is not null && sources.TryAvoid(site.Plan, attempt.Domain, attempt.LastContact.From))
        {
            // What is thought of one address says nothing about the next.
            refusal = block = null;
        }

        if (block is not null && block.Follows.HasFlag(Consequence.RestDomain))
        {
            Blocked(site, attempt.Domain, block);
            refusal ??= site.Standing.Provider.IsRefusedBy(attempt.Domain) ? block : null;
        }

        if (refusal is not null)
        {
            Refused(site, refusal);
        }
        else if (wasAnswered && site.Standing.Provider.Answered(attempt.Took, wasTaken))
        {
            Reopen(site.Standing);
        }

        if (wasTaken)
        {
            blocked.Took(site.Plan.Key, attempt.Domain);
            sources.Took(site.Plan, attempt.LastContact.From);
        }
    }

    // The mail in hand goes back untried: what it would be told, one message has been told for all.
    private void Refused(Site site, Outcome refusal)
    {
        if (site.Standing.Provider.Refused(refusal.Reply, refusal.ForOthers, (refusal as Outcome.Deferred)?.Wait) is not { } rests)
        {
            return;
        }

        foreach (var standing in rests)
        {
            resting.Add(standing);
        }

        foreach (var held in site.Standing.Provider.TakeBack())
        {
            settler.Release(held);
        }
    }

    private void Blocked(Site site, string domain, Outcome block)
    {
        if (blocked.Refused(site.Plan.Key, domain, block.ForOthers, (block as Outcome.Deferred)?.Wait))
        {
            foreach (var held in site.TakeBack(lease => lease.Unit.Lane.Domain == domain))
            {
                settler.Release(held);
            }
        }
    }

    private void Reopen(Standing standing)
    {
        window.Open(standing.Stock.Gate);
        window.Open(standing.Stock.Shared?.Gate);
    }
}
