using Relay.Host.Serving;

namespace Relay.Tests.Host.Serving;

public sealed class IdleMemoryTests
{
    private long _allocated;
    private int _givenBack;

    [Fact]
    public void It_is_given_back_once_a_burst_is_over_and_not_while_it_lasts()
    {
        using var memory = Create();

        Assert.Equal([0, 0, 0, 1, 1], Looks(memory, 100_000_000, 100_000_000, 20_000_000, 700_000, 700_000));
        Assert.Equal([1, 2], Looks(memory, 100_000_000, 700_000));
    }

    [Fact]
    public void A_relay_that_only_waits_is_not_stopped_for_it_again_and_again()
    {
        using var memory = Create();

        // A quarter of an hour.
        Assert.All(Looks(memory, [.. Enumerable.Repeat(700_000L, 90)]), times => Assert.Equal(0, times));
    }

    [Fact]
    public void What_a_few_mails_took_is_given_back_when_it_has_come_to_something()
    {
        using var memory = Create();

        Assert.Equal(1, Looks(memory, [.. Enumerable.Repeat(4_000_000L, 20)])[^1]);
    }

    private IdleMemory Create() => new(TimeProvider.System, () => _allocated, () => _givenBack++);

    // How often memory was given back by the end of each.
    private List<int> Looks(IdleMemory memory, params long[] allocated) => [.. allocated.Select(octets =>
    {
        _allocated += octets;
        memory.Look();
        return _givenBack;
    })];
}
