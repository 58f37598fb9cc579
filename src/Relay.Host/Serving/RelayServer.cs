using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Feedback;
using Relay.Host.Commands;
using Relay.Host.Health;
using Relay.Host.Listening;
using Relay.Host.Settings;
using Relay.Host.Telemetry;
using Relay.Intake;
using Relay.Intake.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Crashing;
using Relay.Redis;

namespace Relay.Host.Serving;

/// <summary>The running relay: what it is made of, and how it starts and ends.</summary>
internal static class RelayServer
{
    /// <summary>Runs until it is told to stop. What the operator can mend is one message on stderr and an exit code.</summary>
    public static async Task<int> RunAsync(string? configFile, CancellationToken cancellation)
    {
        InlineCompletions.Prefer();
        using var signals = new StopSignals();
        try
        {
            if (CrashPoints.Problem is { } problem)
            {
                throw new SettingsException(problem);
            }

            await using var relay = Build(configFile);
            await relay.StartAsync(cancellation);
            relay.Services.GetRequiredService<Listeners>().Open(relay.Urls);
            await relay.WaitForShutdownAsync(cancellation);
            return signals.Asked ? ExitCode.Done : ExitCode.Failed;
        }
        catch (OperationCanceledException) when (signals.Asked)
        {
            // Told to stop while it started.
            return ExitCode.Done;
        }
        catch (SettingsException e)
        {
            return Fail(e, ExitCode.Configuration);
        }
        catch (OptionsValidationException e)
        {
            return Fail(RelaySettings.Explain(e), ExitCode.Configuration);
        }
        catch (ListenException e)
        {
            return Fail(e, ExitCode.CannotOpen);
        }
        catch (StoreRefusedException e)
        {
            return Fail(e, ExitCode.Unavailable);
        }
    }

    private static WebApplication Build(string? configFile)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        var relay = RelaySettings.Load(builder.Configuration, configFile, builder.Environment.EnvironmentName);
        var process = relay.Get<ProcessOptions>() ?? new ProcessOptions();

        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging")).AddRelayLogging(builder.Environment);
        builder.Services
            .AddRelayTelemetry(relay)
            .AddRelayProcess(relay)
            .AddRelayDocumentation()
            .AddRelayRedis(relay)
            .AddRelayFeedback(relay)
            .AddRelayIntake(relay)
            .AddRelayDomainRecords(relay);
        if (process.Has(RelayRole.Delivery))
        {
            builder.Services.AddRelayDelivery(relay);
        }

        builder.WebHost.ListenRelay();

        var app = builder.Build();
        app.UseRelayProblems();
        app.UseRelayProxies();
        if (process.Has(RelayRole.Intake))
        {
            app.MapRelayApi();
        }

        app.MapRelayHealth();
        app.MapRelayDocumentation();
        app.MapRelayMetrics();
        return app;
    }

    private static int Fail(Exception e, int exitCode)
    {
        Printout.Problem(e.Message);
        return exitCode;
    }
}
