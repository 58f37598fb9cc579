using Relay.Mail.Domains;

namespace Relay.Intake.Domains;

/// <summary>Whether the name that we say in EHLO leads to addresses that lead back to it (forward-confirmed reverse DNS).</summary>
internal sealed class HostNameCheck(IDomainRecords records, RecordList list)
{
    public async ValueTask<ChecklistFinding> LookAsync(CancellationToken cancellation)
    {
        try
        {
            var addresses = await records.FindAsync(list.HostName, RecordType.Address, cancellation);
            foreach (var address in addresses)
            {
                var names = await records.FindAsync(address, RecordType.Ptr, cancellation);
                if (!names.Contains(list.HostName, StringComparer.OrdinalIgnoreCase))
                {
                    return ChecklistFinding.Bad(names.Count == 0
                        ? $"{address}, which is {list.HostName}, has no PTR record: ask whoever gave you the address for it"
                        : $"{address} is {list.HostName}, but its PTR record says {string.Join(", ", names)}");
                }
            }

            return addresses.Count == 0
                ? ChecklistFinding.Bad($"{list.HostName} (Relay:HostName) has no address in the DNS")
                : ChecklistFinding.Good($"{list.HostName} is {string.Join(" and ", addresses)}, and they are {list.HostName}");
        }
        catch (DomainRecordsUnavailableException exception)
        {
            return ChecklistFinding.Unseen(exception.Message);
        }
    }
}
