using Microsoft.Extensions.Options;
using Relay.Host.Listening;
using Relay.Host.Settings;
using Relay.Intake.Admission;
using Relay.Intake.Http.Keys;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Host.FirstStart;

/// <summary>
/// Gives a store without credentials its first account and keys, and prints them: to the terminal only, never to the log,
/// which may be shipped elsewhere. On every later start one line says where the relay listens.
/// </summary>
internal sealed class FirstStartService(
    IAccountStore accounts,
    IStoreHealth store,
    IOptions<BootstrapOptions> bootstrap,
    IOptions<ProcessOptions> process,
    Listeners listeners,
    TimeProvider time) : BackgroundService
{
    // The store tells no one when it becomes ready; a start is not in a hurry.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    // Kept over a store that goes away in between: half of them stored must not be taken for a start long ago.
    private readonly (Credential Credential, string Key) _live = MakeKey("first", MessageMode.Live, time);
    private readonly (Credential Credential, string Key) _test = MakeKey("first test", MessageMode.Test, time);
    private bool? _needsKeys;

    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        await listeners.Opened.WaitAsync(stopping);
        using var timer = new PeriodicTimer(Interval, time);
        while (!store.IsReady || !await TryGreetAsync(stopping))
        {
            await timer.WaitForNextTickAsync(stopping);
        }
    }

    private async Task<bool> TryGreetAsync(CancellationToken cancellation)
    {
        try
        {
            _needsKeys ??= await NeedsKeysAsync(cancellation);
            if (_needsKeys is true)
            {
                await accounts.PutCredentialAsync(_live.Credential, cancellation);
                await accounts.PutCredentialAsync(_test.Credential, cancellation);
            }

            Console.Write(_needsKeys is true ? Banner().ToString() : ShortLine());
            return true;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }

    // Who configured an admin key makes further keys with it, and wants none in a log of standard output. A process without
    // doors has no use for keys.
    private async ValueTask<bool> NeedsKeysAsync(CancellationToken cancellation)
    {
        await accounts.TryAddAccountAsync(new Account(Account.Default, Account.Default, time.GetUtcNow()), cancellation);
        return process.Value.Has(RelayRole.Intake)
            && string.IsNullOrEmpty(bootstrap.Value.AdminKey)
            && (await accounts.ListCredentialsAsync(Account.Default, cancellation)).Count == 0;
    }

    private Banner Banner() => new()
    {
        ApiUrl = listeners.ApiUrl,
        Submission = [.. listeners.Submission.Select(s => (s.Address, s.Tls))],
        ApiKey = _live.Key,
        TestKey = _test.Key,
        Program = OwnName.FromHere(),
        DomainsMustBeVerified = bootstrap.Value.RequireVerifiedDomains,
    };

    private string ShortLine()
    {
        var doors = listeners.Submission.Select(s => s.Address).ToList();
        return $"Relay runs: {listeners.ApiUrl}{(doors.Count > 0 ? $", SMTP on {string.Join(", ", doors)}" : "")}{Environment.NewLine}";
    }

    private static (Credential, string) MakeKey(string name, MessageMode mode, TimeProvider time)
    {
        var key = ApiKey.Create(mode);
        var credential = new Credential
        {
            Id = ShortId.Create("key"),
            Account = Account.Default,
            Name = name,
            KeyHash = ApiKey.Hash(key),
            Mode = mode,
            CreatedAt = time.GetUtcNow(),
        };
        return (credential, key);
    }
}
