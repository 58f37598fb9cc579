using Microsoft.Extensions.Time.Testing;
using Relay.Host.Certificates;

namespace Relay.Tests.Host.Certificates;

public sealed class SelfSignedTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-certificate-").FullName;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-01-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_names_the_host_and_this_machine()
    {
        using var made = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);

        Assert.True(made.MatchesHostname("mx.relay.test"));
        Assert.True(made.MatchesHostname("localhost"));
        Assert.True(made.MatchesHostname("127.0.0.1"));
        Assert.True(made.HasPrivateKey);
    }

    [Fact]
    public void It_stays_the_same_over_a_restart()
    {
        using var first = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);
        using var second = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);

        Assert.Equal(first.Thumbprint, second.Thumbprint);
    }

    [Fact]
    public void It_is_made_anew_once_it_has_expired()
    {
        using var first = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);
        _time.SetUtcNow(first.NotAfter.ToUniversalTime());

        using var second = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);

        Assert.NotEqual(first.Thumbprint, second.Thumbprint);
    }

    [Fact]
    public void It_is_made_anew_for_another_name_and_after_damage()
    {
        using var first = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);
        using var renamed = SelfSigned.LoadOrCreate(_folder, "other.relay.test", _time);
        var file = Assert.Single(Directory.GetFiles(_folder));
        File.WriteAllText(file, "-----BEGIN CERTIFICATE-----\nbroken");
        using var repaired = SelfSigned.LoadOrCreate(_folder, "other.relay.test", _time);

        Assert.Equal(3, new[] { first, renamed, repaired }.Select(c => c.Thumbprint).Distinct().Count());
    }

    [Fact]
    public void Its_key_is_for_the_owner_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("there are no Unix file modes on this machine");
            return;
        }

        using var made = SelfSigned.LoadOrCreate(_folder, "mx.relay.test", _time);

        var file = Assert.Single(Directory.GetFiles(_folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }
}
