using CsCheck;
using Relay.Delivery.Providers;

namespace Relay.Tests.Delivery.Providers;

/// <summary>The tuner against receivers of many kinds, on a clock of their own.</summary>
public sealed class ConcurrencyTunerTests
{
    private static readonly DateTimeOffset Morning = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    private static readonly Gen<int> Ceilings = Gen.Int[1, 60];

    [Fact]
    public void For_as_long_as_the_receiver_wants_no_more_there_are_no_more()
    {
        var tuner = new ConcurrencyTuner();
        for (var i = 0; i < 20; i++)
        {
            tuner.Answered(tuner.Limit, isWanted: true, ceiling: 6, took: null, Morning);
        }

        tuner.Refused(6, 6, "421 too many, try again in 10 minutes", Morning, TimeSpan.FromMinutes(10));
        Assert.Equal((3, Morning.AddMinutes(10)), (tuner.Limit, tuner.TriesMoreAt));
        for (var second = 1; second < 600; second++)
        {
            tuner.Answered(3, isWanted: true, ceiling: 6, took: null, Morning.AddSeconds(second));
            Assert.Equal(3, tuner.Limit);
        }

        for (var second = 600; second < 620; second++)
        {
            tuner.Answered(tuner.Limit, isWanted: true, ceiling: 6, took: null, Morning.AddSeconds(second));
        }

        Assert.InRange(tuner.Limit, 4, 6);
    }

    [Fact]
    public void It_begins_with_few()
    {
        Assert.Equal(2, new ConcurrencyTuner().Limit);
    }

    [Fact]
    public void A_healthy_receiver_has_all_it_may_have_after_as_many_answers()
    {
        Ceilings.Sample(ceiling =>
        {
            var tuner = new ConcurrencyTuner();
            for (var i = 0; i < ceiling; i++)
            {
                tuner.Answered(Math.Min(tuner.Limit, ceiling), isWanted: true, ceiling, TimeSpan.FromMilliseconds(20), Morning);
            }

            Assert.Equal(Math.Max(ceiling, ConcurrencyTuner.Start), tuner.Limit);
        });
    }

    [Fact]
    public void Without_work_for_more_it_does_not_grow()
    {
        var tuner = new ConcurrencyTuner();
        for (var i = 0; i < 100; i++)
        {
            tuner.Answered(1, isWanted: false, 10, null, Morning);
        }

        Assert.Equal(2, tuner.Limit);
    }

    [Fact]
    public void A_receiver_that_takes_so_many_connections_gets_nearly_as_many_and_is_hardly_asked_for_more()
    {
        Gen.Select(Gen.Int[1, 50], Ceilings).Sample((takes, ceiling) =>
        {
            var receiver = new Receiver { Takes = takes, Ceiling = ceiling };
            receiver.Run(TimeSpan.FromMinutes(1));
            receiver.Run(TimeSpan.FromHours(1));

            Assert.InRange(receiver.MostOpen, 1, Math.Min(takes, ceiling));
            Assert.True(receiver.MeanOpen >= 0.8 * Math.Min(takes, ceiling), $"{receiver.MeanOpen:0.0} of {Math.Min(takes, ceiling)} were used");
            Assert.InRange(receiver.Refusals, 0, 12);
        });
    }

    [Fact]
    public void When_a_receiver_takes_more_again_it_gets_it_by_itself()
    {
        Gen.Select(Gen.Int[1, 10], Gen.Int[11, 40]).Sample((before, after) =>
        {
            var receiver = new Receiver { Takes = before, Ceiling = 60 };
            receiver.Run(TimeSpan.FromMinutes(20));
            receiver.Takes = after;

            // The longest pause, and one more each second.
            receiver.Run(TimeSpan.FromMinutes(17));
            receiver.Run(TimeSpan.FromMinutes(1));

            Assert.True(receiver.MostOpen >= after - 1, $"{receiver.MostOpen} of {after} were used");
        });
    }

    [Fact]
    public void A_receiver_whose_answers_grow_slow_with_the_number_of_connections_is_not_pressed()
    {
        Gen.Select(Gen.Int[2, 12], Gen.Int[600, 3_000]).Sample((capacity, milliseconds) =>
        {
            var receiver = new Receiver { Capacity = capacity, Pace = TimeSpan.FromMilliseconds(milliseconds), Ceiling = 100 };
            receiver.Run(TimeSpan.FromMinutes(30));
            receiver.Run(TimeSpan.FromHours(1));

            Assert.True(receiver.MeanOpen <= 4 * capacity, $"{receiver.MeanOpen:0.0} connections for a capacity of {capacity}");
            Assert.True(receiver.MeanOpen >= 0.5 * capacity, $"{receiver.MeanOpen:0.0} connections for a capacity of {capacity}");
        }, iter: 30);
    }

    [Fact]
    public void A_receiver_that_is_slow_by_nature_is_not_taken_for_a_pressed_one()
    {
        Gen.Int[10, 10_000].Sample(milliseconds =>
        {
            var receiver = new Receiver { Pace = TimeSpan.FromMilliseconds(milliseconds), Ceiling = 20 };
            receiver.Run(TimeSpan.FromMinutes(10));

            Assert.Equal(20, receiver.MostOpen);
        }, iter: 30);
    }

    [Fact]
    public void What_was_under_way_at_a_cut_tells_of_the_same_trouble()
    {
        var tuner = Grown(16);

        Assert.False(tuner.Refused(16, 16, "too many", Morning));
        Assert.Equal(8, tuner.Limit);
        for (var i = 0; i < 15; i++)
        {
            Assert.False(tuner.Refused(16, 16, "too many", Morning));
        }

        Assert.Equal(8, tuner.Limit);
        tuner.Refused(8, 8, "too many", Morning);
        Assert.Equal(4, tuner.Limit);
    }

    [Fact]
    public void Below_one_there_is_only_none()
    {
        var tuner = Grown(2);

        Assert.False(tuner.Refused(1, 1, "busy", Morning));
        Assert.Equal(1, tuner.Limit);
        Assert.True(tuner.Refused(1, 1, "busy", Morning));
        Assert.Equal(1, tuner.Limit);
    }

    [Fact]
    public void Whatever_it_hears_it_stays_between_one_and_the_ceiling()
    {
        var heard = Gen.Select(Gen.Bool, Gen.Int[1, 30], Gen.Int[0, 20_000], Gen.Int[0, 5_000]);
        Gen.Select(Gen.Int[2, 20], heard.List[0, 400]).Sample((ceiling, all) =>
        {
            var tuner = new ConcurrencyTuner();
            var now = Morning;
            foreach (var (isRefusal, connections, passes, took) in all)
            {
                now += TimeSpan.FromMilliseconds(passes);
                if (isRefusal)
                {
                    tuner.Refused(connections, connections, "no", now);
                }
                else
                {
                    tuner.Answered(connections, isWanted: true, ceiling, TimeSpan.FromMilliseconds(took), now);
                }

                Assert.InRange(tuner.Limit, 1, ceiling);
            }
        });
    }

    private static ConcurrencyTuner Grown(int limit)
    {
        var tuner = new ConcurrencyTuner();
        while (tuner.Limit < limit)
        {
            tuner.Answered(tuner.Limit, isWanted: true, limit, null, Morning);
        }

        return tuner;
    }

    /// <summary>A receiver with its sender, who has always work, in steps of a tenth of a second.</summary>
    private sealed class Receiver
    {
        private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

        private readonly ConcurrencyTuner _tuner = new();
        private DateTimeOffset _now = Morning;
        private int _open;
        private double _done;

        public int Ceiling { get; init; } = 20;

        /// <summary>One connection more is refused.</summary>
        public int Takes { get; set; } = int.MaxValue;

        /// <summary>More messages than so many at the same time take longer.</summary>
        public int Capacity { get; init; } = int.MaxValue;

        public TimeSpan Pace { get; init; } = Tick;

        public int Refusals { get; private set; }
        public double MeanOpen { get; private set; }
        public int MostOpen { get; private set; }

        /// <summary>Lets time pass; what is counted is counted anew.</summary>
        public void Run(TimeSpan length)
        {
            (Refusals, MeanOpen, MostOpen) = (0, 0, 0);
            var ticks = (int)(length / Tick);
            for (var i = 0; i < ticks; i++)
            {
                _now += Tick;
                Connect();
                Answer();
                MeanOpen += (double)_open / ticks;
                MostOpen = Math.Max(MostOpen, _open);
            }
        }

        private void Connect()
        {
            var limit = Math.Min(_tuner.Limit, Ceiling);
            _open = Math.Min(_open, limit);
            var tried = limit - _open;
            for (var i = 0; i < tried; i++)
            {
                if (_open < Takes)
                {
                    _open++;
                    continue;
                }

                Refusals += tried - i;
                for (; i < tried; i++)
                {
                    _tuner.Refused(_open + 1, limit, "421 too many connections", _now);
                }
            }
        }

        private void Answer()
        {
            var took = Pace * Math.Max(1, (double)_open / Capacity);
            _done += _open * (Tick / took);
            for (; _done >= 1; _done--)
            {
                _tuner.Answered(_open, isWanted: true, Ceiling, took, _now);
            }
        }
    }
}
