namespace Relay.Mail.Templates;

/// <summary>Templates as they are kept. Every call may throw <see cref="Queue.StoreUnavailableException"/>; changes are told by <see cref="Accounts.IAccountStore.Changed"/>.</summary>
public interface ITemplateStore
{
    ValueTask<MailTemplate?> FindAsync(string account, string id, CancellationToken cancellation);

    /// <summary>How many the account has.</summary>
    ValueTask<int> CountAsync(string account, CancellationToken cancellation);

    /// <summary>A page of an account's templates by their ids, without text and HTML, which may be large. It ends before <paramref name="most"/> only at the end, but for what cannot be read.</summary>
    /// <param name="after">The id that the page before ended with.</param>
    ValueTask<TemplatePage> ListAsync(string account, string? after, int most, CancellationToken cancellation);

    /// <summary>False when the account has one of this id already.</summary>
    ValueTask<bool> TryAddAsync(MailTemplate template, CancellationToken cancellation);

    /// <summary>
    /// Changes it as it stands in the store at that moment; where another changes it at the same time <paramref name="change"/>
    /// runs again, so that no two changes make the same version.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    ValueTask<MailTemplate?> ChangeAsync(string account, string id, Func<MailTemplate, MailTemplate> change, CancellationToken cancellation);

    /// <summary>False when the account has none of this id.</summary>
    ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation);
}

/// <param name="Next">Where to go on; null at the end.</param>
public sealed record TemplatePage(IReadOnlyList<MailTemplate> Templates, string? Next);
