using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Host.Serving;
using Relay.Host.Settings;
using Relay.Intake.Smtp;
using Relay.Mail.Lists;
using Relay.Mail.Tokens;
using Relay.Redis;
using Relay.Tests.Intake.Smtp;

namespace Relay.Tests.Host.Serving;

public sealed class RemarksTests
{
    private const string OnLoopback = "its door is on loopback";

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("192.0.2.1", false)]
    public async Task A_door_for_bounces_that_the_world_cannot_reach_is_told_at_the_start(string address, bool told) =>
        Assert.Equal(told, (await SaidAsync(new InboundOptions { Enabled = true, Address = address }, Environments.Production)).Any(line => line.Contains(OnLoopback, StringComparison.Ordinal)));

    [Fact]
    public async Task One_that_is_closed_or_elsewhere_or_a_developers_is_not()
    {
        var open = new InboundOptions { Enabled = true };

        Assert.DoesNotContain(await SaidAsync(new InboundOptions(), Environments.Production), line => line.Contains(OnLoopback, StringComparison.Ordinal));
        Assert.DoesNotContain(await SaidAsync(open, Environments.Development), line => line.Contains(OnLoopback, StringComparison.Ordinal));
        Assert.DoesNotContain(await SaidAsync(open, Environments.Production, RelayRole.Intake), line => line.Contains(OnLoopback, StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyCollection<string>> SaidAsync(InboundOptions inbound, string environment, params RelayRole[] roles)
    {
        using var log = new LogBook();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        var remarks = new Remarks(
            Options.Create(new ProcessOptions { Roles = [.. roles] }),
            Options.Create(inbound),
            Options.Create(new StoreOptions()),
            new ListFields(new MailTokens(TimeProvider.System), null, new ListOptions()),
            new Place(environment),
            loggers.CreateLogger<Remarks>());
        await remarks.StartAsync(TestContext.Current.CancellationToken);
        return [.. log.Lines.Select(line => line.Text)];
    }

    private sealed class Place(string environment) : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = environment;
        public string ApplicationName { get; set; } = "relay";
        public string ContentRootPath { get; set; } = "/";
        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
