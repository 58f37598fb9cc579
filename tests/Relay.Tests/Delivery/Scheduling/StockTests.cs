using Relay.Delivery.Scheduling;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class StockTests
{
    private readonly Stock _stock = new();

    [Fact]
    public void What_is_promised_counts_until_the_next_asking()
    {
        _stock.Promise(asking: 1);

        Assert.False(_stock.HasRoom(limit: 1, asking: 1));
        Assert.True(_stock.HasRoom(limit: 1, asking: 2));
    }

    [Fact]
    public void The_gate_opens_when_a_quarter_has_gone()
    {
        Add(16);
        Assert.False(_stock.HasRoom(limit: 16, asking: 1));

        Assert.Equal([null, null, null, _stock.Gate], Enumerable.Range(0, 4).Select(_ => _stock.Remove()));
    }

    [Fact]
    public void It_opens_once_until_it_is_closed_again()
    {
        Add(2);
        Assert.False(_stock.HasRoom(limit: 2, asking: 1));

        Assert.Equal(_stock.Gate, _stock.Remove());
        Assert.Null(_stock.Remove());
    }

    [Fact]
    public void A_gate_closed_on_promises_alone_opens_when_the_last_has_gone()
    {
        _stock.Promise(asking: 1);
        Assert.False(_stock.HasRoom(limit: 1, asking: 1));
        Add(1);

        Assert.Equal(_stock.Gate, _stock.Remove());
    }

    private void Add(int units)
    {
        for (var i = 0; i < units; i++)
        {
            _stock.Add();
        }
    }
}
