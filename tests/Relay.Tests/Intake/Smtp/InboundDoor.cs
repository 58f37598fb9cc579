using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Relay.Intake;
using Relay.Intake.Smtp;
using Relay.Intake.Sockets;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Mail.Routes;
using Relay.Mail.Tokens;
using Relay.TestKit.InMemory;
using Relay.TestKit.Smtp;
using Relay.Tests.Feedback.Returns;

namespace Relay.Tests.Intake.Smtp;

/// <summary>The inbound door on a real socket, with the real desk behind it.</summary>
internal sealed class InboundDoor : IAsyncDisposable
{
    private readonly WebApplication _application;

    private InboundDoor(WebApplication application) => _application = application;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ReturnsUnderTest Returns { get; private init; } = null!;

    public InMemoryInboundRouteStore Routes { get; private init; } = null!;

    public InMemoryContentStore Contents { get; private init; } = null!;

    /// <summary>Where the account <c>shop</c> has verified <c>shop.test</c>.</summary>
    public InMemoryAccountStore Accounts { get; private init; } = null!;

    public IPEndPoint EndPoint { get; private set; } = null!;

    public IMeterFactory Meters => _application.Services.GetRequiredService<IMeterFactory>();

    public static async Task<InboundDoor> StartAsync(params (string Name, string Value)[] settings)
    {
        var returns = new ReturnsUnderTest();
        var (routes, contents, accounts) = (new InMemoryInboundRouteStore(), new InMemoryContentStore(), new InMemoryAccountStore());
        await accounts.PutDomainAsync(
            new SendingDomain("dom_1", "shop", "shop.test", "token", SendingDomainStatus.Verified, DateTimeOffset.UnixEpoch, null), Cancellation);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddInMemoryCollection(
        [
            new("Relay:HostName", DoorUnderTest.HostName),
            new("Relay:Inbound:Enabled", "true"),
            new("Relay:Inbound:Port", "0"),
            .. settings.Select(setting => new KeyValuePair<string, string?>($"Relay:Inbound:{setting.Name}", setting.Value)),
        ]);
        var services = builder.Services;
        DoorUnderTest.AddSurroundings(services, returns.Queue, accounts, contents, TimeProvider.System);
        services.AddSingleton<IInboundRouteStore>(routes);
        services.AddSingleton<IServerCertificate>(new DoorUnderTest.Certificate());
        services.AddSingleton<IIncomingMail>(returns.Desk);
        services.Configure<RelayOptions>(builder.Configuration.GetSection(RelayOptions.Section));
        services.AddRelayIntake(builder.Configuration.GetSection(RelayOptions.Section));
        builder.WebHost.UseKestrelCore().UseMailTransport().ConfigureKestrel(kestrel => kestrel.AddInboundListener(kestrel.ApplicationServices));

        var door = new InboundDoor(builder.Build()) { Returns = returns, Routes = routes, Contents = contents, Accounts = accounts };
        await door._application.StartAsync(Cancellation);
        var port = new Uri(door._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
        door.EndPoint = new IPEndPoint(IPAddress.Loopback, port);
        return door;
    }

    public string AddressOf(Message message) => Returns.AddressOf(message.Id, TokenPurpose.ReturnPath).Text;

    public async Task AddRouteAsync(string match, string? forwardTo = null, string account = "shop", Uri? webhook = null) => await Routes.TryAddAsync(
        new InboundRoute
        {
            Id = $"route_{match}",
            Account = account,
            Match = match,
            ForwardTo = forwardTo,
            Webhook = webhook,
            CreatedAt = DateTimeOffset.UnixEpoch,
            By = "key_1",
        },
        Cancellation);

    public Task SendAsync(SmtpConversation client, string sender, params string[] recipients) => SendAsync(client, sender, "Subject: Help\r\n\r\nHelp\r\n", recipients);

    public async Task SendAsync(SmtpConversation client, string sender, string content, string[] recipients)
    {
        await client.Says($"MAIL FROM:<{sender}>", expect: "250 ");
        foreach (var recipient in recipients)
        {
            await client.Says($"RCPT TO:<{recipient}>", expect: "250 ");
        }

        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw(content);
        await client.Says(".", expect: "250 2.0.0 Ok: queued as ");
    }

    /// <summary>A client that has named this recipient and may send its content.</summary>
    public async Task<SmtpConversation> BeginAsync(string recipient)
    {
        var client = await GreetAsync();
        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says($"RCPT TO:<{recipient}>", expect: "250 ");
        return client;
    }

    public async Task<SmtpConversation> GreetAsync()
    {
        var client = await SmtpConversation.ConnectAsync(EndPoint, Cancellation);
        await client.Expects("220 ");
        await client.Says("EHLO mx.there.test", expect: "250 ");
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        Returns.Dispose();
    }
}
