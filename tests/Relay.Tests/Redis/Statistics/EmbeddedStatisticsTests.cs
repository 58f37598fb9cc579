using Relay.Mail.Events;

namespace Relay.Tests.Redis.Statistics;

public sealed class EmbeddedStatisticsTests : StoreContract<IStatisticsReader>
{
    [Fact]
    public async Task The_months_end_with_the_calendar()
    {
        Assert.Empty(await Store.ReadAsync("acme", new DateOnly(9999, 11, 30), DateOnly.MaxValue, Cancellation));
        Assert.Empty(await Store.ReadAsync("acme", DateOnly.MinValue, new DateOnly(1, 2, 1), Cancellation));
    }

    protected override ValueTask<IStatisticsReader> OpenAsync() => OpenEmbeddedAsync();
}
