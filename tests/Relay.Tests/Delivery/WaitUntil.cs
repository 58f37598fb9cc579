namespace Relay.Tests.Delivery;

/// <summary>For what the other end of a socket does and nobody announces.</summary>
internal static class WaitUntil
{
    public static async Task TrueAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
