using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Options;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using Relay.Smtp.Addresses;

namespace Relay.Benchmarks.Redis;

/// <summary>A unit taken and given back while all lanes but one wait behind gates: it must cost the same however many these are.</summary>
[MemoryDiagnoser]
public class WindowTakeBenchmarks
{
    private const int LanesPerGate = 50;

    private static readonly Message Template = new()
    {
        Id = MessageId.Create(TimeProvider.System),
        Account = "acme",
        Credential = "bench",
        Source = MessageSource.Smtp,
        Envelope = new Envelope { Sender = EnvelopeAddress.Parse("orders@sender.test"), Recipients = [To("a@open.test")] },
        Content = new MessageContent { Prologue = ReadOnlyMemory<byte>.Empty, Head = new byte[100], Length = 100 },
        AcceptedAt = DateTimeOffset.UtcNow,
    };

    private readonly Partition _partition = new(0, new PartitionKeys("bench"));
    private Window _window = null!;
    private LeaseDemand _demand = null!;

    [Params(1, 1_000, 50_000)]
    public int Lanes { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _partition.Take(default, default);
        _partition.Renew(long.MaxValue);
        var options = new StoreOptions { Queue = new QueueOptions { WindowUnits = 200_000, AccountShare = 1 } };
        _window = new Window(Options.Create(options), TimeProvider.System);
        var gates = new Dictionary<string, Gate>();
        for (var lane = 1; lane < Lanes; lane++)
        {
            var domain = $"d{lane}.test";
            gates[domain] = lane % LanesPerGate == 1 ? new Gate() : gates[$"d{lane - 1}.test"];
            Accept($"a@{domain}");
        }

        Accept("a@open.test");
        _demand = new LeaseDemand(1, long.MaxValue, lane => gates.GetValueOrDefault(lane.Domain));
        _window.Release(_window.Take(_demand)[0]);
    }

    [Benchmark]
    public void TakeAndRelease() => _window.Release(_window.Take(_demand)[0]);

    private void Accept(string recipient)
    {
        var message = Template with { Id = MessageId.Create(TimeProvider.System), Envelope = Template.Envelope with { Recipients = [To(recipient)] } };
        var due = message.DueAt.ToUnixTimeMilliseconds();
        _window.BeginAccept(_partition, Unit.Of(message), due);
        _window.EndAccept(_partition, message, Unit.Of(message), due);
    }

    private static Recipient To(string address) => new() { Address = EnvelopeAddress.Parse(address) };
}
