using System.Net;
using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>Whether each name that we say in EHLO leads to addresses that lead back to it (forward-confirmed reverse DNS).</summary>
internal sealed class HostNameCheck(IDomainRecords records, RelayHosts hosts)
{
    public async ValueTask<ChecklistFinding> LookAsync(CancellationToken cancellation)
    {
        try
        {
            var good = new List<string>();
            foreach (var (index, (name, address)) in hosts.Greetings.Index())
            {
                var found = await LookAsync(name, address, index == 0 ? "Relay:HostName" : "Relay:Delivery:Pools", cancellation);
                if (found.Kind != ChecklistState.Good)
                {
                    return found;
                }

                good.Add(found.Finding);
            }

            return ChecklistFinding.Good(string.Join("; ", good));
        }
        catch (DomainRecordsUnavailableException exception)
        {
            return ChecklistFinding.Unseen(exception.Message);
        }
    }

    /// <param name="from">The address that says the name; null where that is not known.</param>
    /// <param name="setting">Where the name stands.</param>
    private async ValueTask<ChecklistFinding> LookAsync(string hostName, IPAddress? from, string setting, CancellationToken cancellation)
    {
        var addresses = await records.FindAsync(hostName, RecordType.Address, cancellation);
        if (from is not null && !addresses.Select(IPAddress.Parse).Contains(from))
        {
            return ChecklistFinding.Bad($"{from} says {hostName} ({setting}), whose addresses in the DNS are {(addresses.Count == 0 ? "none" : string.Join(", ", addresses))}");
        }

        foreach (var address in addresses)
        {
            var names = await records.FindAsync(address, RecordType.Ptr, cancellation);
            if (!names.Contains(hostName, StringComparer.OrdinalIgnoreCase))
            {
                return ChecklistFinding.Bad(names.Count == 0
                    ? $"{address}, which is {hostName}, has no PTR record: ask whoever gave you the address for it"
                    : $"{address} is {hostName}, but its PTR record says {string.Join(", ", names)}");
            }
        }

        return addresses.Count == 0
            ? ChecklistFinding.Bad($"{hostName} ({setting}) has no address in the DNS")
            : ChecklistFinding.Good($"{hostName} is {string.Join(" and ", addresses)}, and they are {hostName}");
    }
}
