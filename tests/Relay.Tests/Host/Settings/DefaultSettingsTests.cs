using Relay.Delivery;
using Relay.Delivery.Connections;
using Relay.Delivery.Sending;
using Relay.Host.Certificates;
using Relay.Host.Settings;
using Relay.Host.Telemetry;
using Relay.Intake.Admission;
using Relay.Intake.Http;
using Relay.Intake.Smtp;
using Relay.Mail;
using Relay.Mail.Queue;
using Relay.Redis;

namespace Relay.Tests.Host.Settings;

/// <summary>What a relay does that is told nothing. People build on it: to change one of these is to change the contract.</summary>
public sealed class DefaultSettingsTests
{
    [Fact]
    public void One_process_is_a_whole_relay_on_its_own_store_and_under_its_machines_name()
    {
        var (relay, store, process) = (new RelayOptions(), new StoreOptions(), new ProcessOptions());

        Assert.Equal((System.Net.Dns.GetHostName(), "data"), (relay.HostName, relay.DataDirectory));
        Assert.Equal((null, "data", PromiseClass.CrashSafe), (store.Redis, store.DataDirectory, store.Durability.Required));
        Assert.All(Enum.GetValues<RelayRole>(), role => Assert.True(process.Has(role)));
    }

    [Fact]
    public void The_API_listens_on_loopback_at_8080()
    {
        var http = new HttpOptions();

        Assert.Equal(("127.0.0.1", 8080), (http.Address, http.Port));
    }

    [Fact]
    public void Submission_listens_on_four_ports_and_takes_forty_mebibytes_for_a_thousand()
    {
        var submission = new SubmissionOptions();

        Assert.Equal(("127.0.0.1", 41_943_040L, 1_000), (submission.Address, submission.MaxMessageBytes, submission.MaxRecipients));
        Assert.Equal(
            [(587, ListenerTls.StartTls, null), (465, ListenerTls.Implicit, null), (2525, ListenerTls.StartTls, null), (2526, ListenerTls.None, null)],
            SubmissionOptions.DefaultListeners.Select(listener => (listener.Port, listener.Tls, listener.Address)));
    }

    [Fact]
    public void Nothing_comes_in_from_the_world()
    {
        var inbound = new InboundOptions();

        Assert.Equal(("127.0.0.1", 25, false), (inbound.Address, inbound.Port, inbound.Enabled));
    }

    [Fact]
    public void The_certificate_is_its_own_no_key_is_set_and_domains_are_verified()
    {
        var (tls, bootstrap) = (new TlsOptions(), new BootstrapOptions());

        Assert.Equal((null, null), (tls.Certificate, tls.Key));
        Assert.Equal((null, true), (bootstrap.AdminKey, bootstrap.RequireVerifiedDomains));
    }

    [Fact]
    public void Mail_goes_to_port_25_of_public_hosts_by_the_systems_addresses_and_servers()
    {
        var delivery = new DeliveryOptions();

        Assert.Equal((25, false), (delivery.Port, delivery.AllowPrivateDestinations));
        Assert.Empty(delivery.SourceAddresses);
        Assert.Empty(delivery.Dns.Servers);
        Assert.Empty(delivery.Routes);
    }

    [Fact]
    public void Mail_is_tried_again_from_half_a_minute_to_four_hours_for_four_days()
    {
        Assert.Equal(TimeSpan.FromDays(4), new RetryOptions().Expiry);
        Assert.Equal(
            [0.5, 1, 2, 5, 10, 20, 40, 60, 120, 240],
            RetrySchedule.Default.Select(delay => delay.TotalMinutes));
    }

    /// <summary>RFC 5321, 4.5.3.2: shorter ones make doubles and give up hosts that are only slow.</summary>
    [Fact]
    public void A_remote_has_the_time_that_the_RFC_gives_it()
    {
        var timeouts = new TimeoutOptions();

        Assert.Equal(
            [5, 5, 5, 2, 3, 10],
            new[] { timeouts.Greeting, timeouts.Mail, timeouts.Recipient, timeouts.Data, timeouts.DataBlock, timeouts.EndOfData }.Select(time => time.TotalMinutes));
        Assert.Equal(TimeSpan.FromMinutes(5), timeouts.Ehlo);
    }

    [Fact]
    public void Metrics_can_be_read_and_are_sent_to_nobody()
    {
        var telemetry = new TelemetryOptions();

        Assert.Equal((null, true), (telemetry.Otlp, telemetry.Prometheus));
    }
}
