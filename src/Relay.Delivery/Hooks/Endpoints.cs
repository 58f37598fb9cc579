using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Relay.Delivery.Sending;
using Relay.Mail.Webhooks;

namespace Relay.Delivery.Hooks;

/// <summary>The programs behind webhooks, as long as there is something to remember of them.</summary>
internal sealed class Endpoints(RetrySchedule schedule, IOptions<DeliveryOptions> options, TimeProvider time)
{
    // Beyond so many, those with nothing to remember are forgotten: webhooks are removed without a word to us.
    private const int Most = 4_096;

    private readonly ConcurrentDictionary<string, Endpoint> _endpoints = new(StringComparer.Ordinal);

    // One that leads elsewhere begins anew.
    public Endpoint Of(EventWebhook webhook) => _endpoints.AddOrUpdate(
        webhook.Id,
        static (_, place) => place.Endpoints.Create(place.Url),
        static (_, known, place) => known.Url == place.Url ? known : place.Endpoints.Create(place.Url),
        (Endpoints: this, webhook.Url));

    public void ForgetWhatIsOver()
    {
        if (_endpoints.Count > Most)
        {
            foreach (var idle in _endpoints.Where(each => each.Value.IsIdle))
            {
                _endpoints.TryRemove(idle);
            }
        }
    }

    private Endpoint Create(Uri url) => new(url, options.Value.Timeouts.Webhook, schedule.DelayAfter, time);
}
