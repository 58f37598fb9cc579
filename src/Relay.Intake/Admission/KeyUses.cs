using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Mail.Accounts;
using Relay.Mail.Queue;

namespace Relay.Intake.Admission;

/// <summary>
/// Notes when keys were last used, to the minute, and writes it once a minute for all of them: it is for a person who wonders
/// whether a key is still needed, and worth no write of its own.
/// </summary>
internal sealed partial class KeyUses(IAccountStore accounts, TimeProvider time, ILogger<KeyUses> logger) : BackgroundService
{
    // Some ten megabytes; beyond it those that are written are forgotten.
    private const int Capacity = 100_000;

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(string Account, string Credential), Use> _uses = new();

    public void Note(Credential credential)
    {
        if (credential.IsAdmin)
        {
            return;
        }

        var now = time.GetUtcNow();
        var minute = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMinute));
        var key = (credential.Account, credential.Id);
        if (!_uses.TryGetValue(key, out var known) || known.Time < minute)
        {
            _uses[key] = new Use(minute, IsWritten: false);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await WriteAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Pause, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                await WriteAsync(stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What was used in the last minute is written at the stop.
        }
    }

    private async Task WriteAsync(CancellationToken cancellation)
    {
        var unwritten = _uses.Where(use => !use.Value.IsWritten).ToList();
        try
        {
            await accounts.NoteUsesAsync([.. unwritten.Select(use => new CredentialUse(use.Key.Account, use.Key.Credential, use.Value.Time))], cancellation);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            // The next minute does it.
            LogUsesUnwritten(e.Message);
            return;
        }

        // One that was used again meanwhile is not the one that was written.
        unwritten.ForEach(use => _uses.TryUpdate(use.Key, use.Value with { IsWritten = true }, use.Value));
        foreach (var use in _uses.Count > Capacity ? _uses.Where(use => use.Value.IsWritten) : [])
        {
            _uses.TryRemove(use);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "When keys were last used is not written yet: {Reason}")]
    private partial void LogUsesUnwritten(string reason);

    private readonly record struct Use(DateTimeOffset Time, bool IsWritten);
}
