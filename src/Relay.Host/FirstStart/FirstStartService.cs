using Microsoft.Extensions.Options;
using Relay.Host.Listening;
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
    Listeners listeners,
    TimeProvider time) : BackgroundService
{
    // The store tells no one when it becomes ready; a start is not in a hurry.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

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
            Console.Write(await NeedsKeysAsync(cancellation) ? await FirstKeysAsync(cancellation) : ShortLine());
            return true;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }

    // Who configured an admin key makes further keys with it, and wants none in a log of standard output.
    private async ValueTask<bool> NeedsKeysAsync(CancellationToken cancellation)
    {
        await accounts.TryAddAccountAsync(new Account(Account.Default, Account.Default, time.GetUtcNow()), cancellation);
        return string.IsNullOrEmpty(bootstrap.Value.AdminKey)
            && (await accounts.ListCredentialsAsync(Account.Default, cancellation)).Count == 0;
    }

    private async Task<string> FirstKeysAsync(CancellationToken cancellation)
    {
        var banner = new Banner
        {
            ApiUrl = listeners.ApiUrl,
            Submission = [.. listeners.Submission.Select(s => (s.Address, s.Tls))],
            ApiKey = await MakeKeyAsync("first", MessageMode.Live, cancellation),
            TestKey = await MakeKeyAsync("first test", MessageMode.Test, cancellation),
            Program = OwnName.FromHere(),
            DomainsMustBeVerified = bootstrap.Value.RequireVerifiedDomains,
        };
        return banner.ToString();
    }

    private async Task<string> MakeKeyAsync(string name, MessageMode mode, CancellationToken cancellation)
    {
        var key = ApiKey.Create(mode);
        await accounts.PutCredentialAsync(
            new Credential
            {
                Id = ShortId.Create("key"),
                Account = Account.Default,
                Name = name,
                KeyHash = ApiKey.Hash(key),
                Mode = mode,
                CreatedAt = time.GetUtcNow(),
            },
            cancellation);
        return key;
    }

    private string ShortLine() =>
        $"Relay runs: {listeners.ApiUrl}, SMTP on {string.Join(", ", listeners.Submission.Select(s => s.Address))}{Environment.NewLine}";
}
