using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Relay.Intake.Domains;
using Relay.Mail.Domains;
using Relay.TestKit.InMemory;
using Relay.Tests.Intake.Smtp;

namespace Relay.Tests.Intake.Domains;

public sealed class HostNameWatchTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("192.0.2.1", "mx.relay.test", false)]
    [InlineData("192.0.2.1", "MX.relay.test", false)]
    [InlineData("192.0.2.1", "host-1.provider.test", true)]
    [InlineData("192.0.2.1", null, true)]
    [InlineData(null, null, true)]
    public async Task A_name_that_does_not_lead_back_to_itself_is_warned_of(string? address, string? name, bool warns)
    {
        var records = new InMemoryDomainRecords();
        records.Put("mx.relay.test", RecordType.Address, address is null ? [] : [address]);
        records.Put("192.0.2.1", RecordType.Ptr, name is null ? [] : [name]);

        Assert.Equal(warns, await LookAsync(records));
    }

    [Theory]
    [InlineData("192.0.2.10", "out1.relay.test", false)]
    [InlineData("192.0.2.10", "host-10.provider.test", true)]
    [InlineData("192.0.2.11", "out1.relay.test", true)]
    public async Task So_is_that_of_an_address_of_a_pool(string address, string name, bool warns)
    {
        var records = new InMemoryDomainRecords();
        records.Put("mx.relay.test", RecordType.Address, "192.0.2.1");
        records.Put("192.0.2.1", RecordType.Ptr, "mx.relay.test");
        records.Put("out1.relay.test", RecordType.Address, address);
        records.Put(address, RecordType.Ptr, name);

        Assert.Equal(warns, await LookAsync(records, RelayHosts.Of("mx.relay.test", new DomainOptions(), [(IPAddress.Parse("192.0.2.10"), "out1.relay.test")])));
    }

    [Theory]
    [InlineData("mx.relay.test", "Relay:HostName")]
    [InlineData("out1.relay.test", "Relay:Delivery:Pools")]
    public async Task A_name_without_an_address_is_told_with_the_setting_that_it_stands_in(string name, string setting)
    {
        var records = new InMemoryDomainRecords();
        records.Put("mx.relay.test", RecordType.Address, "192.0.2.1");
        records.Put("192.0.2.1", RecordType.Ptr, "mx.relay.test");
        records.Put(name, RecordType.Address);

        // Behind a router: from where the name of the pool is seen is not known.
        var hosts = RelayHosts.Of("mx.relay.test", new DomainOptions(), [(IPAddress.Parse("10.0.0.10"), "out1.relay.test")]);
        var found = await new HostNameCheck(records, hosts).LookAsync(Cancellation);

        Assert.Equal((ChecklistState.Bad, $"{name} ({setting}) has no address in the DNS"), (found.Kind, found.Finding));
    }

    [Fact]
    public async Task A_name_server_that_is_silent_says_nothing_about_it()
    {
        var records = new InMemoryDomainRecords();
        records.Put("mx.relay.test", RecordType.Address, null);

        Assert.False(await LookAsync(records));
    }

    private static async Task<bool> LookAsync(InMemoryDomainRecords records, RelayHosts? hosts = null)
    {
        using var log = new LogBook();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var watch = new HostNameWatch(
            new HostNameCheck(records, hosts ?? RelayHosts.Of("mx.relay.test")), new FakeTimeProvider(), factory.CreateLogger<HostNameWatch>());

        await watch.LookAsync(Cancellation);

        return log.Lines.Any(line => line.Level == LogLevel.Warning);
    }
}
