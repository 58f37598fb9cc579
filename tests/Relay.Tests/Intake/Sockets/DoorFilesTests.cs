using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Relay.Intake;
using Relay.Intake.Http;
using Relay.Intake.Sockets;
using Relay.Mail;
using Relay.Tests.Intake.Smtp;

namespace Relay.Tests.Intake.Sockets;

/// <summary>A door that has all files which are for it turns clients away, and keeps those that it has.</summary>
public sealed class DoorFilesTests
{
    private static readonly FileShares Full = new(0, 0, 0);
    private static readonly FileShares Empty = new(int.MaxValue, int.MaxValue, int.MaxValue);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_comes_by_SMTP_is_told_to_try_later_and_who_is_there_goes_on()
    {
        await using var door = await DoorUnderTest.StartAsync();
        await using var early = await door.LogInAsync();

        door.Files.Shares = Full;
        for (var i = 0; i < 3; i++)
        {
            foreach (var endPoint in new[] { door.ClearText, door.StartTls, door.Implicit })
            {
                await using var late = await door.ConnectAsync(endPoint);
                await late.Expects("421 4.3.2 ");
                await late.ExpectsEnd();
            }
        }

        await early.Says("MAIL FROM:<shop@sender.test>", expect: "250 ");
        Assert.Single(door.Log.Lines, line => line.Level == LogLevel.Warning && line.Text.Contains("Clients are turned away", StringComparison.Ordinal));

        door.Files.Shares = Empty;
        await using var next = await door.GreetAsync();
    }

    [Fact]
    public async Task Who_comes_by_HTTP_hears_503_and_when_to_come_back()
    {
        await using var door = await HttpDoor.StartAsync();
        using var early = new HttpClient { BaseAddress = door.Url };
        Assert.Equal("served", await early.GetStringAsync("", Cancellation));

        door.Files.Shares = Full;
        using var late = new HttpClient { BaseAddress = door.Url };
        using var refused = await late.PostAsync("", new StringContent(new string('x', 10_000)), Cancellation);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(5)), (refused.StatusCode, refused.Headers.RetryAfter?.Delta));
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        Assert.Equal(503, (await refused.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("status").GetInt32());
        Assert.Equal("served", await early.GetStringAsync("", Cancellation));

        door.Files.Shares = Empty;
        Assert.Equal("served", await late.GetStringAsync("", Cancellation));
    }

    [Fact]
    public async Task Who_connects_by_HTTP_and_asks_for_nothing_keeps_no_file()
    {
        await using var door = await HttpDoor.StartAsync();
        door.Files.Shares = Full;
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, door.Url.Port, Cancellation);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);

        Assert.Equal("HTTP/1.1 503 Service Unavailable", await reader.ReadLineAsync(Cancellation));
        var rest = reader.ReadToEndAsync(Cancellation);
        while (!rest.IsCompleted)
        {
            door.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(rest, Task.Delay(10, Cancellation));
        }

        Assert.EndsWith("}", await rest, StringComparison.Ordinal);
    }

    /// <summary>Kestrel with a door for HTTP behind which everything is served.</summary>
    private sealed class HttpDoor : IAsyncDisposable
    {
        private readonly WebApplication _application;

        private HttpDoor(WebApplication application, FakeTimeProvider time) => (_application, Time) = (application, time);

        public FakeTimeProvider Time { get; }

        public DoorFiles Files => _application.Services.GetRequiredService<DoorFiles>();

        public Uri Url => new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

        public static async Task<HttpDoor> StartAsync()
        {
            var time = new FakeTimeProvider();
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.Services.AddLogging().AddMetrics().AddSingleton<TimeProvider>(time).AddSingleton<IntakeMetrics>().AddSingleton<DoorFiles>();
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, door => door.TurnAwayWhenFull()));
            var application = builder.Build();
            application.Run(context => context.Response.WriteAsync("served", Cancellation));
            await application.StartAsync(Cancellation);
            return new HttpDoor(application, time);
        }

        public ValueTask DisposeAsync() => _application.DisposeAsync();
    }
}
