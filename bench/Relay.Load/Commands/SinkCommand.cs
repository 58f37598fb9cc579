using System.CommandLine;
using System.Net;
using Relay.Load.Sink;
using Spectre.Console;

namespace Relay.Load.Commands;

/// <summary><c>sink</c>: takes mail until it is interrupted and says each second how much came.</summary>
internal static class SinkCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port") { Description = "Port on loopback", DefaultValueFactory = _ => 2600 };
        var chunking = new Option<bool>("--chunking") { Description = "Offer CHUNKING" };
        var command = new Command("sink", "Take every mail and keep none") { port, chunking };
        command.SetAction((parsed, cancellation) =>
            RunAsync(new(IPAddress.Loopback, parsed.GetValue(port)), parsed.GetValue(chunking), cancellation));
        return command;
    }

    private static async Task RunAsync(IPEndPoint address, bool chunking, CancellationToken cancellation)
    {
        using var sink = SmtpSink.Listen(address, new(chunking));
        AnsiConsole.MarkupLineInterpolated($"sink on {sink.Address}");
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            for (long before = 0; await second.WaitForNextTickAsync(cancellation);)
            {
                var now = sink.Messages;
                if (now != before)
                {
                    AnsiConsole.MarkupLineInterpolated($"{now - before} messages/s, {now} in all, {sink.Octets / 1048576} MiB, {sink.Connections} connections");
                }

                before = now;
            }
        }
        catch (OperationCanceledException)
        {
            AnsiConsole.MarkupLineInterpolated($"{sink.Messages} messages");
        }
    }
}
