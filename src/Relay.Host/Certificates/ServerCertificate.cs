using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using Relay.Host.Settings;
using Relay.Intake.Smtp;
using Relay.Mail;

namespace Relay.Host.Certificates;

/// <summary>
/// The certificate of the doors: the operator's, or one of our own. A renewed file is taken up while the relay runs, as
/// certbot and its like write one every two months.
/// </summary>
internal sealed partial class ServerCertificate : IServerCertificate
{
    // A handshake must not wait for the disk each time; nobody renews so late that a minute counts.
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly TlsOptions _tls;
    private readonly RelayOptions _relay;
    private readonly TimeProvider _time;
    private readonly ILogger<ServerCertificate> _logger;
    private readonly Lock _lock = new();
    private Loaded _loaded;
    private long _looked;

    /// <exception cref="SettingsException">The files cannot be used.</exception>
    public ServerCertificate(IOptions<TlsOptions> tls, IOptions<RelayOptions> relay, TimeProvider time, ILogger<ServerCertificate> logger)
    {
        _tls = tls.Value;
        _relay = relay.Value;
        _time = time;
        _logger = logger;
        _loaded = Load();
        _looked = time.GetTimestamp();
    }

    public SslStreamCertificateContext? Current
    {
        get
        {
            if (_time.GetElapsedTime(Interlocked.Read(ref _looked)) >= Interval)
            {
                Renew();
            }

            return Volatile.Read(ref _loaded).Context;
        }
    }

    private void Renew()
    {
        lock (_lock)
        {
            if (_time.GetElapsedTime(_looked) < Interval)
            {
                return;
            }

            Interlocked.Exchange(ref _looked, _time.GetTimestamp());
            if (StampOf(_tls) == _loaded.Stamp && (IsConfigured || _time.GetUtcNow() < _loaded.NotAfter))
            {
                return;
            }

            try
            {
                Volatile.Write(ref _loaded, Load());
                Renewed(_loaded.NotAfter);
            }
            catch (SettingsException e)
            {
                // Half-written files are looked at again in a minute; the certificate at hand still serves.
                NotRenewed(e.Message);
            }
        }
    }

    private bool IsConfigured => !string.IsNullOrEmpty(_tls.Certificate);

    private Loaded Load()
    {
        // The stamp first: files that change while they are read are read again.
        var stamp = StampOf(_tls);
        return IsConfigured ? LoadConfigured(stamp) : LoadOwn(stamp);
    }

    private Loaded LoadOwn(string stamp)
    {
        try
        {
            return Of(SelfSigned.LoadOrCreate(_relay.DataDirectory, _relay.HostName, _time), [], stamp);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"{RelaySettings.Root}:{nameof(_relay.DataDirectory)} '{_relay.DataDirectory}' cannot be written: {e.Message}");
        }
    }

    private Loaded LoadConfigured(string stamp)
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_tls.Certificate!);
            return Of(X509Certificate2.CreateFromPemFile(_tls.Certificate!, _tls.Key), chain, stamp);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SettingsException(
                $"{RelaySettings.Root}:{TlsOptions.Section}: no certificate with its key can be read from {_tls.Certificate} and {_tls.Key}: {e.Message}");
        }
    }

    // Offline: what the chain lacks is not fetched from the network in the middle of a start.
    private static Loaded Of(X509Certificate2 certificate, X509Certificate2Collection chain, string stamp) =>
        new(SslStreamCertificateContext.Create(certificate, chain, offline: true), certificate.NotAfter.ToUniversalTime(), stamp);

    private static string StampOf(TlsOptions tls) =>
        string.IsNullOrEmpty(tls.Certificate) ? "" : $"{File.GetLastWriteTimeUtc(tls.Certificate):O} {File.GetLastWriteTimeUtc(tls.Key ?? tls.Certificate):O}";

    private sealed record Loaded(SslStreamCertificateContext Context, DateTimeOffset NotAfter, string Stamp);

    [LoggerMessage(LogLevel.Information, "The certificate was renewed; it is good until {NotAfter:u}")]
    private partial void Renewed(DateTimeOffset notAfter);

    [LoggerMessage(LogLevel.Warning, "The certificate cannot be renewed: {Problem}")]
    private partial void NotRenewed(string problem);
}
