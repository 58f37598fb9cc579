using System.Collections.Concurrent;
using Relay.Mail.Templates;

namespace Relay.TestKit.InMemory;

/// <summary>Templates in memory.</summary>
public sealed class InMemoryTemplateStore : ITemplateStore
{
    private readonly ConcurrentDictionary<(string Account, string Id), MailTemplate> _templates = new();

    /// <summary>How often one was looked up: tells whether a cache in front works.</summary>
    public int LookUps { get; private set; }

    public ValueTask<MailTemplate?> FindAsync(string account, string id, CancellationToken cancellation)
    {
        LookUps++;
        return ValueTask.FromResult(_templates.GetValueOrDefault((account, id)));
    }

    public ValueTask<int> CountAsync(string account, CancellationToken cancellation) =>
        ValueTask.FromResult(_templates.Keys.Count(key => key.Account == account));

    public ValueTask<TemplatePage> ListAsync(string account, string? after, int most, CancellationToken cancellation)
    {
        var rest = _templates.Values.Where(t => t.Account == account && string.CompareOrdinal(t.Id, after) > 0).OrderBy(t => t.Id, StringComparer.Ordinal).ToList();
        return ValueTask.FromResult(new TemplatePage([.. rest.Take(most).Select(t => t with { Text = null, Html = null })], rest.Count > most ? rest[most - 1].Id : null));
    }

    public ValueTask<bool> TryAddAsync(MailTemplate template, CancellationToken cancellation) =>
        ValueTask.FromResult(_templates.TryAdd((template.Account, template.Id), template));

    public ValueTask<MailTemplate?> ChangeAsync(string account, string id, Func<MailTemplate, MailTemplate> change, CancellationToken cancellation)
    {
        while (_templates.TryGetValue((account, id), out var known))
        {
            var changed = change(known);
            if (_templates.TryUpdate((account, id), changed, known))
            {
                return ValueTask.FromResult<MailTemplate?>(changed);
            }
        }

        return ValueTask.FromResult<MailTemplate?>(null);
    }

    public ValueTask<bool> RemoveAsync(string account, string id, CancellationToken cancellation) =>
        ValueTask.FromResult(_templates.TryRemove((account, id), out _));
}
