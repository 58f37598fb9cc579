using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;

namespace Relay.Feedback.Tokens;

/// <summary>Has the keys of tokens at hand before a door opens, where the store answers, and learns of new ones while the process runs.</summary>
internal sealed partial class TokenKeyWatch(TokenKeyring keyring, TimeProvider time, ILogger<TokenKeyWatch> logger) : BackgroundService
{
    // Until there is a key no mail leaves with an address of ours.
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    private bool _isRead;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(_isRead ? TokenKeyring.ReadEvery : FirstRetry, time, stoppingToken);
                await ReadAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task ReadAsync(CancellationToken cancellation)
    {
        try
        {
            var closed = await keyring.RefreshAsync(cancellation);
            _isRead = true;
            if (closed.Count > 0)
            {
                // What they signed is put off at the doors, and mail goes on with the others, or with its senders' own addresses.
                LogUnusable(string.Join(", ", closed));
            }
        }
        catch (StoreUnavailableException exception)
        {
            LogUnavailable(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of tokens could not be read: {Reason}")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Keys of tokens cannot be opened: {Numbers}. They are broken, or sealed under a secret that Relay:Domains:Secrets lacks")]
    private partial void LogUnusable(string numbers);
}
