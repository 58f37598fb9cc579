using CsCheck;

namespace Relay.Tests.Redis.Queue;

/// <summary>A unit is leased once and never forgotten, in whatever order accepts, reads, leases, losses and suspensions fall.</summary>
public sealed class WindowModelTests
{
    private static readonly Gen<int> Which = Gen.Int[0, 1_000];

    private static readonly Gen<Step> Steps = Gen.Frequency(
        (8, Gen.Select(
            Gen.Int[0, WindowModel.Lanes - 1], Gen.Int[0, WindowModel.Partitions - 1], OneOf(0, 0, 0, 40), OneOf(10, 10, 500), Gen.Bool,
            (lane, partition, delay, octets, isEarly) => new Step($"BeginAccept({lane}, {partition}, {delay}, {octets}, {isEarly})", m => m.BeginAccept(lane, partition, delay, octets, isEarly)))),
        (8, Gen.Select(Which, Gen.Int[0, 9], (which, lot) => new Step($"EndAccept({which}, {lot > 0})", m => m.EndAccept(which, written: lot > 0)))),
        (6, Gen.Int[1, 8].Select(count => new Step($"Take({count})", m => m.Take(count)))),
        (6, Gen.Select(Which, OneOf<int?>(null, null, 0, 30, 200), (which, delay) => new Step($"Settle({which}, {delay})", m => m.Settle(which, delay)))),
        (2, Which.Select(which => new Step($"Release({which})", m => m.Release(which)))),
        (6, Gen.Const(new Step("BeginReads()", m => m.BeginReads()))),
        (6, Gen.Select(Which, OneOf(ReadEnd.Succeeds, ReadEnd.Succeeds, ReadEnd.Succeeds, ReadEnd.Succeeds, ReadEnd.Fails, ReadEnd.FailsHalfway, ReadEnd.HidesOne),
            (which, end) => new Step($"EndRead({which}, ReadEnd.{end})", m => m.EndRead(which, end)))),
        (1, Which.Select(which => new Step($"LookAgain({which})", m => m.LookAgain(which)))),
        (1, Gen.Select(
            Gen.Int[0, WindowModel.Lanes - 1], Gen.Int[0, WindowModel.Partitions - 1], OneOf(0, 0, 40),
            (lane, partition, delay) => new Step($"AcceptElsewhere({lane}, {partition}, {delay})", m => m.AcceptElsewhere(lane, partition, delay)))),
        (1, Which.Select(which => new Step($"Hear({which})", m => m.Hear(which)))),
        (1, Which.Select(which => new Step($"BeginClaim({which})", m => m.BeginClaim(which)))),
        (1, Gen.Select(Which, Gen.Bool, (which, ends) => new Step($"EndClaim({which}, {ends})", m => m.EndClaim(which, ends)))),
        (3, Gen.Const(new Step("LookForLanes()", m => m.LookForLanes()))),
        (1, Gen.Const(new Step("LookAgain()", m => m.LookAgain()))),
        (2, Gen.Const(new Step("ForgetQuiet()", m => m.ForgetQuiet()))),
        (1, Gen.Int[0, WindowModel.Partitions - 1].Select(partition => new Step($"Leave({partition})", m => m.Leave(partition)))),
        (1, Gen.Int[0, WindowModel.Partitions - 1].Select(partition => new Step($"Lose({partition})", m => m.Lose(partition)))),
        (2, Gen.Int[0, WindowModel.Partitions - 1].Select(partition => new Step($"Win({partition})", m => m.Win(partition)))),
        (1, Gen.Int[0, WindowModel.Partitions - 1].Select(partition => new Step($"GoStale({partition})", m => m.GoStale(partition)))),
        (1, Gen.Const(new Step("Renew()", m => m.Renew()))),
        (3, Gen.Int[0, WindowModel.Gates - 1].Select(gate => new Step($"Close({gate})", m => m.Close(gate)))),
        (3, Gen.Int[0, WindowModel.Gates - 1].Select(gate => new Step($"Open({gate})", m => m.Open(gate)))),
        (1, OneOf<int?>(null, 0, 4).Select(lane => new Step($"Suspend({lane})", m => m.Suspend(lane)))),
        (1, Which.Select(which => new Step($"SuspendMessage({which})", m => m.SuspendMessage(which)))),
        (4, Gen.Int[1, 300].Select(milliseconds => new Step($"Advance({milliseconds})", m => m.Advance(milliseconds)))));

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    [Theory]
    [InlineData(WindowModel.Lanes, 1_500)]
    [InlineData(2, 1_000)]
    public void What_was_accepted_is_leased_once_and_in_the_end_all_of_it(int places, long iterations) =>
        Steps.Array[0, 300].Sample(
            steps =>
            {
                var model = new WindowModel(places);
                foreach (var step in steps)
                {
                    step.Do(model);
                    model.CheckBounds();
                }

                model.Drain();
            },
            iter: iterations,
            print: steps => string.Join("\n", steps.Select(step => step.Name)));

    [Fact]
    public void What_is_written_while_its_lane_is_suspended_is_known_if_the_lane_still_has_mail_in_flight()
    {
        var model = new WindowModel();
        model.Lose(2);
        model.BeginAccept(lane: 4, partition: 2, delay: 0, octets: 10, isEarly: true);
        model.BeginAccept(lane: 4, partition: 2, delay: 0, octets: 10, isEarly: false);
        model.EndAccept(0, written: true);
        model.Win(2);
        model.BeginReads();
        model.EndRead(0, ReadEnd.Succeeds);
        model.Take(1);

        model.Suspend(4);
        model.EndAccept(0, written: true);

        model.Drain();
    }

    [Fact]
    public void A_unit_put_off_is_found_though_its_lane_was_forgotten_and_has_new_mail_since()
    {
        var model = new WindowModel();
        model.BeginAccept(lane: 1, partition: 1, delay: 0, octets: 10, isEarly: true);
        model.LookForLanes();
        model.EndAccept(0, written: true);
        model.Take(1);
        model.BeginReads();
        model.EndRead(0, ReadEnd.Succeeds);
        model.Settle(0, delay: 30);
        model.ForgetQuiet();

        model.BeginAccept(lane: 1, partition: 1, delay: 0, octets: 10, isEarly: false);

        model.Drain();
    }

    [Fact]
    public void A_unit_that_comes_back_untried_finds_its_place_taken()
    {
        var model = new WindowModel();
        Accept(lane: 4, count: 8);
        Accept(lane: 0, count: 8);
        model.Take(1);
        model.Take(1);
        Accept(lane: 5, count: 1);
        Accept(lane: 1, count: 1);

        model.Release(0);
        model.CheckBounds();
        model.Release(0);
        model.CheckBounds();

        model.Drain();

        void Accept(int lane, int count)
        {
            for (; count > 0; count--)
            {
                model.BeginAccept(lane, partition: 0, delay: 0, octets: 10, isEarly: true);
                model.EndAccept(0, written: true);
            }
        }
    }

    /// <param name="Name">As one would write the call, so that what failed can be kept as a case of its own.</param>
    private sealed record Step(string Name, Action<WindowModel> Do);
}
