using Relay.Intake.Admission;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Templates;

namespace Relay.Intake.Templates;

/// <summary>Templates at hand, mostly without asking the store and reading them anew.</summary>
internal sealed class TemplateShelf
{
    // Changes are heard of, on whatever node they were made. This is for one that nobody could tell.
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(10);

    // Characters: 16 MB, some hundred templates as people write them.
    private const int Capacity = 8 * 1024 * 1024;

    // What any template takes beside its characters.
    private const int Base = 100;

    private readonly ITemplateStore _store;
    private readonly ShortCache<(string Account, string Id), ReadyTemplate> _ready;

    public TemplateShelf(ITemplateStore store, IAccountStore accounts, TimeProvider time)
    {
        _store = store;
        _ready = new(time, Lifetime, Capacity);
        accounts.Changed += part =>
        {
            if (part == AccountPart.Templates)
            {
                _ready.Clear();
            }
        };
    }

    /// <summary>Null when the account has none of this id.</summary>
    /// <exception cref="ProblemException">It was taken once, and is no template any more.</exception>
    public async ValueTask<ReadyTemplate?> FindAsync(string account, string id, CancellationToken cancellation)
    {
        if (_ready.TryGet((account, id), out var ready))
        {
            return ready;
        }

        var version = _ready.Version;
        if (await _store.FindAsync(account, id, cancellation) is not { } template)
        {
            return null;
        }

        var errors = new FieldErrors();
        ready = ReadyTemplate.Of(template, errors);
        errors.ThrowIfAny();
        _ready.Remember((account, id), ready, version, Base + ready.Weight);
        return ready;
    }

    /// <summary>It was changed or removed here: the next use asks the store.</summary>
    public void Forget(string account, string id) => _ready.Forget((account, id));
}
