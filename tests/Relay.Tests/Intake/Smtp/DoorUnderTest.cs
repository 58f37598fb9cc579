using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Intake;
using Relay.Intake.Admission;
using Relay.Intake.Smtp;
using Relay.Intake.Sockets;
using Relay.Mail;
using Relay.Mail.Accounts;
using Relay.Mail.Domains;
using Relay.Mail.Lists;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.TestKit.InMemory;
using Relay.TestKit.Smtp;

namespace Relay.Tests.Intake.Smtp;

/// <summary>The submission door on real sockets, with the real gate and stores in memory: a listener of each kind.</summary>
internal sealed class DoorUnderTest : IAsyncDisposable
{
    public const string HostName = "mx.relay.test";
    public const string Key = "rk_live_0123456789abcdefghijklmnopqrstuv";
    public const string OtherKey = "rk_live_zyxwvutsrqponmlkjihgfedcba987654";

    private static readonly X509Certificate2 SelfSigned = CreateCertificate();

    private readonly WebApplication _application;
    private readonly CancellationToken _cancellation;
    private IPEndPoint[] _endPoints = [];

    private DoorUnderTest(WebApplication application, InMemoryMailQueue queue, InMemoryAccountStore accounts, LogBook log, CancellationToken cancellation)
    {
        _application = application;
        _cancellation = cancellation;
        Queue = queue;
        Accounts = accounts;
        Log = log;
    }

    public InMemoryMailQueue Queue { get; }
    public InMemoryAccountStore Accounts { get; }
    public LogBook Log { get; }

    /// <summary>The scope of this door's meters, by which a listener tells them from those of other tests.</summary>
    public IMeterFactory Meters => _application.Services.GetRequiredService<IMeterFactory>();

    public DoorFiles Files => _application.Services.GetRequiredService<DoorFiles>();

    public IPEndPoint StartTls => _endPoints[0];
    public IPEndPoint Implicit => _endPoints[1];
    public IPEndPoint ClearText => _endPoints[2];

    /// <summary>The only message that was accepted.</summary>
    public Message TheMessage => Assert.Single(Queue.Accepted);

    /// <summary>Its content as submitted, from the head alone.</summary>
    public string TheContent => Encoding.Latin1.GetString(TheMessage.Content.Head.Span);

    public string ThePrologue => Encoding.Latin1.GetString(TheMessage.Content.Prologue.Span);

    public static async Task<DoorUnderTest> StartAsync(
        Action<SubmissionOptions>? configure = null,
        TimeProvider? time = null,
        IContentStore? contents = null,
        bool verifiedDomains = false,
        bool certificate = true)
    {
        var queue = new InMemoryMailQueue(time ?? TimeProvider.System);
        var accounts = new InMemoryAccountStore();
        var log = new LogBook();
        var cancellation = TestContext.Current.CancellationToken;

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Relay:HostName"] = HostName,
            ["Relay:Bootstrap:RequireVerifiedDomains"] = verifiedDomains ? "true" : "false",
            ["Relay:Submission:Listeners:0:Port"] = "0",
            ["Relay:Submission:Listeners:0:Tls"] = "StartTls",
            ["Relay:Submission:Listeners:1:Port"] = "0",
            ["Relay:Submission:Listeners:1:Tls"] = "Implicit",
            ["Relay:Submission:Listeners:2:Port"] = "0",
            ["Relay:Submission:Listeners:2:Tls"] = "None",
        });
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(log);

        var services = builder.Services;
        if (time is not null)
        {
            services.AddSingleton(time);
        }

        AddSurroundings(services, queue, accounts, contents ?? new InMemoryContentStore(), time ?? TimeProvider.System);
        services.AddSingleton<IServerCertificate>(new Certificate(certificate ? SelfSigned : null));
        services.Configure<RelayOptions>(builder.Configuration.GetSection(RelayOptions.Section));
        services.AddRelayIntake(builder.Configuration.GetSection(RelayOptions.Section));
        services.Configure<SubmissionOptions>(options =>
        {
            // A failure costs no time unless a test asks for it.
            options.FailedLoginDelay = TimeSpan.Zero;

            // A clock that is moved on until something happens must not cut off the goodbye that it waits for.
            options.FarewellTimeout = TimeSpan.FromHours(1);
            configure?.Invoke(options);
        });
        builder.WebHost.UseKestrelCore().UseMailTransport().ConfigureKestrel(kestrel => kestrel.AddSubmissionListeners(kestrel.ApplicationServices));

        var door = new DoorUnderTest(builder.Build(), queue, accounts, log, cancellation);
        await door.AddKeyAsync(Key);
        await door._application.StartAsync(cancellation);
        door._endPoints = [.. door._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
            .Addresses.Select(address => new IPEndPoint(IPAddress.Loopback, new Uri(address).Port))];
        return door;
    }

    /// <summary>What the intake needs beside itself, whichever door of it is open.</summary>
    public static void AddSurroundings(IServiceCollection services, InMemoryMailQueue queue, InMemoryAccountStore accounts, IContentStore contents, TimeProvider time)
    {
        services.AddSingleton<IMailQueue>(queue);
        services.AddSingleton<IAccountStore>(accounts);
        services.AddSingleton<ISenderStore>(new InMemorySenderStore());
        services.AddSingleton<IUsageReader>(queue);
        services.AddSingleton(new InMemorySiteBoard(time).Join());
        services.AddSingleton<IDomainRecords>(new InMemoryDomainRecords());
        services.AddSingleton(new ListFields(KnownTokens.Create(TimeProvider.System), null, new ListOptions()));
        services.AddSingleton(contents);
    }

    public async Task<Credential> AddKeyAsync(string key, MessageMode mode = MessageMode.Live)
    {
        var credential = new Credential
        {
            Id = $"c{key.GetHashCode(StringComparison.Ordinal):x8}",
            Account = Account.Default,
            Name = "test",
            KeyHash = ApiKey.Hash(key),
            Mode = mode,
            CreatedAt = DateTimeOffset.UnixEpoch,
        };
        await Accounts.PutCredentialAsync(credential, _cancellation);
        return credential;
    }

    /// <summary>A client that has connected and not yet read the greeting; to the clear-text listener unless another is named.</summary>
    public Task<SmtpConversation> ConnectAsync(IPEndPoint? endPoint = null) =>
        SmtpConversation.ConnectAsync(endPoint ?? ClearText, _cancellation);

    /// <summary>A client that has read the greeting and the answer to its EHLO.</summary>
    public async Task<SmtpConversation> GreetAsync(IPEndPoint? endPoint = null)
    {
        var client = await ConnectAsync(endPoint);
        await client.Expects("220 ");
        await client.Says("EHLO client.test", expect: "250 ");
        return client;
    }

    /// <summary>A client that is logged in, and may say MAIL.</summary>
    public async Task<SmtpConversation> LogInAsync()
    {
        var client = await GreetAsync();
        await client.Says($"AUTH PLAIN {Plain(Key)}", expect: "235 ");
        return client;
    }

    /// <summary>A client that has said DATA and may send its content.</summary>
    public async Task<SmtpConversation> BeginContentAsync()
    {
        var client = await LogInAsync();
        await client.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        await client.Says("RCPT TO:<ann@example.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        return client;
    }

    public Task StopAsync() => _application.StopAsync(_cancellation);

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    /// <summary>The response of AUTH PLAIN.</summary>
    public static string Plain(string key, string userName = "relay") => Base64($"\0{userName}\0{key}");

    public static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    internal sealed class Certificate(X509Certificate2? certificate) : IServerCertificate
    {
        public Certificate()
            : this(SelfSigned)
        {
        }

        public SslStreamCertificateContext? Current { get; } =
            certificate is null ? null : SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
    }
}
