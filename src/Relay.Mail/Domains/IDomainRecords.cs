namespace Relay.Mail.Domains;

/// <summary>Reads what a domain publishes, as the world sees it now and not as a cache remembers it.</summary>
public interface IDomainRecords
{
    /// <summary>The values of a name's records of one type, at the end of its aliases; empty when it has none or does not exist.</summary>
    /// <exception cref="DomainRecordsUnavailableException">No name server gave an answer.</exception>
    ValueTask<IReadOnlyList<string>> FindAsync(string name, RecordType type, CancellationToken cancellation);

    /// <summary>The same asked of every server of the zone, as far as they can be reached; of the resolver where none can.</summary>
    /// <exception cref="DomainRecordsUnavailableException">No name server gave an answer.</exception>
    ValueTask<PublishedAnswers> CompareAsync(string name, RecordType type, CancellationToken cancellation);
}

public enum RecordType
{
    /// <summary>Each text joined from its strings.</summary>
    Txt,

    /// <summary>As <c>10 host</c>.</summary>
    Mx,

    /// <summary>The name that stands directly behind an alias.</summary>
    Cname,

    /// <summary>A and AAAA.</summary>
    Address,

    /// <summary>The names of an address, which is the name asked for.</summary>
    Ptr,
}

/// <param name="Answers">At least one.</param>
/// <param name="Alias">What the name is an alias of; null when it is none.</param>
public sealed record PublishedAnswers(IReadOnlyList<ServerAnswer> Answers, string? Alias = null);

/// <param name="Server">Empty for the resolver.</param>
public sealed record ServerAnswer(string Server, IReadOnlyList<string> Values);

/// <summary>The DNS did not answer; it says nothing about the domain.</summary>
public sealed class DomainRecordsUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
