using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Mail.Queue;
using Relay.Mail.Tokens;

namespace Relay.Feedback.Tokens;

/// <summary>Has the keys of tokens at hand before a door opens, where the store answers, and learns of new ones while the process runs.</summary>
internal sealed partial class TokenKeyWatch(TokenKeyring keyring, MailTokens tokens, TimeProvider time, ILogger<TokenKeyWatch> logger) : BackgroundService
{
    // Until there is a key no mail leaves with an address of ours.
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

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
                await Task.Delay(tokens.Keys.Count > 0 ? TokenKeyring.ReadEvery : FirstRetry, time, stoppingToken);
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
            await keyring.RefreshAsync(cancellation);
        }
        catch (StoreUnavailableException exception)
        {
            LogUnavailable(exception.Message);
        }
        catch (CryptographicException exception)
        {
            // Mail goes on with its senders' own addresses.
            LogUnusable(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of tokens could not be read: {Reason}")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A key of tokens cannot be used")]
    private partial void LogUnusable(CryptographicException exception);
}
