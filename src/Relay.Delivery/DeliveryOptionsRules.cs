using System.Net;
using Microsoft.Extensions.Options;
using Relay.Delivery.Providers;
using Relay.Smtp.Addresses;

namespace Relay.Delivery;

/// <summary>What no attribute can say about the settings. Every failure names its setting as the configuration does.</summary>
internal sealed class DeliveryOptionsRules : IValidateOptions<DeliveryOptions>
{
    private const string Section = "Relay:Delivery";

    public ValidateOptionsResult Validate(string? name, DeliveryOptions options)
    {
        List<string> failures =
        [
            .. options.SourceAddresses
                .Select((address, i) => IPAddress.TryParse(address, out _) ? null : $"{Section}:SourceAddresses:{i}: '{address}' is not an IP address.")
                .OfType<string>(),
            .. options.Dns.Servers
                .Select((server, i) => IPEndPoint.TryParse(server, out _) ? null : $"{Section}:Dns:Servers:{i}: '{server}' is not an address with an optional port.")
                .OfType<string>(),
            .. options.Retry.Schedule
                .Select((delay, i) => delay > TimeSpan.Zero ? null : $"{Section}:Retry:Schedule:{i}: {delay} is not longer than nothing.")
                .OfType<string>(),
            .. options.Tls.Reports.From is { } from && !EnvelopeAddress.TryParse(from, out _, out _)
                ? (string[])[$"{Section}:Tls:Reports:From: '{from}' is not an address."]
                : [],
            .. options.Routes.SelectMany(FailuresOf),
            .. options.AccountRates.Append(new("", options.AccountRate ?? "")).Select(FailureOf).OfType<string>(),
            .. options.Pools.SelectMany((pool, i) => FailuresOf(options, pool, i)),
        ];
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static string? FailureOf(KeyValuePair<string, string> rate)
    {
        var setting = rate.Key.Length == 0 ? "AccountRate" : $"AccountRates:{rate.Key}";
        return rate.Value.Length == 0 || Rate.TryParse(rate.Value, out _) ? null : $"{Section}:{setting}: '{rate.Value}' is no rate, such as 500/1m, 10/1s or 5000/1h.";
    }

    private static IEnumerable<string> FailuresOf(DeliveryOptions options, Sources.PoolOptions pool, int i)
    {
        var setting = $"{Section}:Pools:{i}";
        if (options.Pools.FindIndex(p => p.Name == pool.Name) < i)
        {
            yield return $"{setting}:Name: '{pool.Name}' names another pool too.";
        }

        for (var a = 0; a < pool.Addresses.Count; a++)
        {
            var address = pool.Addresses[a];
            if (!IPAddress.TryParse(address.Address, out _))
            {
                yield return $"{setting}:Addresses:{a}:Address: '{address.Address}' is not an IP address.";
            }

            if (address.HostName is { } name && Uri.CheckHostName(name) != UriHostNameType.Dns)
            {
                yield return $"{setting}:Addresses:{a}:HostName: '{name}' is not a host name.";
            }

            if (address.WarmUp.Any(percent => percent is < 1 or > 100))
            {
                yield return $"{setting}:Addresses:{a}:WarmUp: a day's part is from 1 to 100 percent.";
            }
        }
    }

    private static IEnumerable<string> FailuresOf(Routing.RouteOptions route, int i)
    {
        var setting = $"{Section}:Routes:{i}";
        var domain = route.Domain.StartsWith("*.", StringComparison.Ordinal) ? route.Domain[2..] : route.Domain;
        if (domain != "*" && !EnvelopeAddress.TryNormaliseDomain(domain, out _))
        {
            yield return $"{setting}:Domain: '{route.Domain}' is neither a domain, nor '*.' and a domain, nor '*'.";
        }

        if (Uri.CheckHostName(route.Host) == UriHostNameType.Unknown)
        {
            yield return $"{setting}:Host: '{route.Host}' is neither a host name nor an address.";
        }

        if (string.IsNullOrEmpty(route.Username) != string.IsNullOrEmpty(route.Password))
        {
            yield return $"{setting}: Username and Password belong together.";
        }
    }
}
