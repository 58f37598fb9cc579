namespace Relay.Mail.Domains;

/// <summary>Reads what a domain publishes, as the world sees it now and not as a cache remembers it.</summary>
public interface IDomainRecords
{
    /// <summary>The texts of a name's TXT records, each joined from its strings; empty when it has none or does not exist.</summary>
    /// <exception cref="DomainRecordsUnavailableException">No name server gave an answer.</exception>
    ValueTask<IReadOnlyList<string>> FindTextsAsync(string name, CancellationToken cancellation);
}

/// <summary>The DNS did not answer; it says nothing about the domain.</summary>
public sealed class DomainRecordsUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
