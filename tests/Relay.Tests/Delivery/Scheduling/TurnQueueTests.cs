using Relay.Delivery.Scheduling;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Delivery.Scheduling;

public sealed class TurnQueueTests
{
    private readonly TurnQueue<HeldLease> _queue = new(held => held.Lease.Unit.Lane);

    [Fact]
    public void Accounts_take_turns_however_much_each_has()
    {
        Add("big", 5, "x.test");
        Add("small", 1, "x.test");

        Assert.Equal(["big", "small", "big", "big", "big", "big"], TakeAll(h => h.Lease.Unit.Lane.Account));
    }

    [Fact]
    public void A_sender_with_five_thousand_domains_has_one_senders_turn()
    {
        for (var i = 0; i < 5_000; i++)
        {
            Add("many", 1, $"{i}.test");
        }

        Add("one", 4, "x.test");

        Assert.Equal(["many", "one", "many", "one", "many", "one", "many", "one", "many", "many"], TakeAll(h => h.Lease.Unit.Lane.Account).Take(10));
    }

    [Fact]
    public void Domains_of_a_sender_take_turns()
    {
        Add("a", 3, "big.test");
        Add("a", 1, "small.test");

        Assert.Equal(["big.test", "small.test", "big.test", "big.test"], TakeAll(h => h.Lease.Unit.Lane.Domain));
    }

    [Fact]
    public void Transactional_mail_goes_before_bulk_which_still_moves()
    {
        Add("bulk", 100, "x.test", MessageClass.Bulk);
        Add("shop", 100, "x.test");

        var first = TakeAll(h => h.Lease.Unit.Lane.Account).Take(40).ToList();

        Assert.Equal(5, first.Count(a => a == "bulk"));
        Assert.Equal("shop", first[0]);
    }

    [Fact]
    public void Bulk_alone_waits_for_nobody()
    {
        Add("bulk", 3, "x.test", MessageClass.Bulk);

        Assert.Equal(3, TakeAll(h => h).Count());
        Assert.Equal(0, _queue.Count);
    }

    private void Add(string account, int count, string domain, MessageClass @class = MessageClass.Transactional)
    {
        for (var i = 0; i < count; i++)
        {
            var message = A.Message(TimeProvider.System, $"a@{domain}") with { Account = account, Class = @class };
            _queue.Add(new HeldLease(new Lease { Unit = Unit.Of(message)[0], Message = message }));
        }
    }

    private IEnumerable<T> TakeAll<T>(Func<HeldLease, T> what)
    {
        while (_queue.TryTake(out var held))
        {
            yield return what(held);
        }
    }
}
