using Relay.Delivery.Scheduling;
using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>Tells people how the receivers stand, those in trouble and those with most mail first.</summary>
internal sealed class SiteReader(ProviderDirectory providers, RestingSites resting) : ISiteReader
{
    // More is no list for people; what is left out has little to tell.
    private const int Most = 1_000;

    // Of hosts to which nothing connects there may be any number, and one tells what the next one does.
    private const int MostResting = 200;

    public IReadOnlyList<SiteStatus> List() =>
    [
        .. providers.All
            .Select(provider => provider.Describe(Environment.MachineName))
            .Concat(resting.Some(MostResting).Select(site => site.Describe(Environment.MachineName)))
            .OfType<SiteStatus>()
            .OrderByDescending(site => site.IsResting)
            .ThenByDescending(site => site.Waiting + site.Connections)
            .ThenBy(site => site.Name, StringComparer.Ordinal)
            .Take(Most),
    ];
}
