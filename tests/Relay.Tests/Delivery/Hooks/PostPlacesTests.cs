using Relay.Delivery.Hooks;

namespace Relay.Tests.Delivery.Hooks;

public sealed class PostPlacesTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_waits_for_an_own_place_holds_none_of_all()
    {
        var places = new PostPlaces(2);
        await places.TakeAsync("a", Cancellation);
        var second = places.TakeAsync("a", Cancellation);

        await places.TakeAsync("b", Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.False(second.IsCompleted);

        places.GiveBack("a");
        await second.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task Accounts_that_want_none_are_forgotten_however_they_left()
    {
        var places = new PostPlaces(1);
        using var gaveUp = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await places.TakeAsync("a", Cancellation);
        var own = places.TakeAsync("a", gaveUp.Token);
        var common = places.TakeAsync("b", gaveUp.Token);
        Assert.Equal(2, places.Accounts);

        await gaveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => own);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => common);
        places.GiveBack("a");

        Assert.Equal(0, places.Accounts);
        await places.TakeAsync("b", Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }
}
