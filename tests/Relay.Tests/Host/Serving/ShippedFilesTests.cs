using Relay.Intake.Http;
using Relay.Intake.Smtp;
using Relay.TestKit;

namespace Relay.Tests.Host.Serving;

/// <summary>What stands beside the code to run it, against what the code says of itself.</summary>
public sealed class ShippedFilesTests
{
    [Fact]
    public void In_a_container_every_door_listens_where_the_outside_is()
    {
        var lines = Read("Dockerfile");

        foreach (var section in (string[])[HttpOptions.Section, SubmissionOptions.Section, InboundOptions.Section])
        {
            Assert.Contains(lines, line => line.Contains($"Relay__{section}__Address=0.0.0.0", StringComparison.Ordinal));
        }

        var ports = SubmissionOptions.DefaultListeners.Where(listener => listener.Tls != ListenerTls.None).Select(listener => listener.Port)
            .Append(new HttpOptions().Port)
            .Append(new InboundOptions().Port);
        Assert.Equal(ports.Order(), lines.Single(line => line.StartsWith("EXPOSE ", StringComparison.Ordinal)).Split(' ')[1..].Select(int.Parse).Order());
    }

    [Fact]
    public void Under_systemd_the_SMTP_doors_do()
    {
        var environment = string.Join(' ', Read("ops", "systemd", "relay.service").Where(line => line.StartsWith("Environment=", StringComparison.Ordinal)));

        foreach (var section in (string[])[SubmissionOptions.Section, InboundOptions.Section])
        {
            Assert.Contains($"Relay__{section}__Address=0.0.0.0", environment, StringComparison.Ordinal);
        }
    }

    private static string[] Read(params string[] path) => File.ReadAllLines(Path.Combine([Repository.Root, .. path]));
}
