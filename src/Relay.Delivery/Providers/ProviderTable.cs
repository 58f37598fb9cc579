using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Delivery.Routing;

namespace Relay.Delivery.Providers;

/// <summary>
/// The rules in force: the operator's file before the one that comes with Relay. A changed file is taken up while the relay
/// runs; one with a mistake is told and changes nothing.
/// </summary>
internal sealed class ProviderTable : IDisposable
{
    // Whoever edits the file looks for its effect; a look at its time costs nothing.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly string? _path;
    private readonly Ceilings _usual;
    private readonly ILogger<ProviderTable> _logger;
    private readonly ITimer? _timer;
    private volatile IReadOnlyList<ProviderRule> _rules;
    private DateTime _written;

    /// <exception cref="OptionsValidationException">The operator's file cannot be used.</exception>
    public ProviderTable(IOptions<DeliveryOptions> options, TimeProvider time, ILogger<ProviderTable> logger)
    {
        _path = options.Value.ProviderRules;
        _usual = new Ceilings(options.Value.ConnectionsPerSite, options.Value.MessagesPerConnection);
        _logger = logger;
        if (_path is null)
        {
            _rules = ProviderFile.Embedded;
            return;
        }

        try
        {
            _written = WrittenAt(_path);
            _rules = Load(_path);
        }
        catch (Exception e) when (IsMistake(e))
        {
            throw new OptionsValidationException(nameof(DeliveryOptions), typeof(DeliveryOptions), [$"Relay:Delivery:ProviderRules: {_path}: {e.Message}"]);
        }

        _timer = time.CreateTimer(static table => ((ProviderTable)table!).Look(), this, Interval, Interval);
    }

    /// <summary>The rules are others now.</summary>
    public event Action? Changed;

    /// <summary>The rule that decides for the exchangers of this plan, by the best of them; null where none does.</summary>
    public ProviderRule? Find(RoutePlan plan)
    {
        // A route is our own decision: the operator's server may well stand in a provider's network.
        if (plan.IsRoute)
        {
            return null;
        }

        var best = plan.Hosts[0].Preference;
        foreach (var host in plan.Hosts)
        {
            if (host.Preference != best)
            {
                break;
            }

            if (Find(host.Name) is { } rule)
            {
                return rule;
            }
        }

        return null;
    }

    public ProviderRule? Find(string host)
    {
        foreach (var rule in _rules)
        {
            if (rule.Fits(host))
            {
                return rule;
            }
        }

        return null;
    }

    public ProviderRule? FindByName(string name) => _rules.FirstOrDefault(rule => rule.Name == name);

    public Ceilings CeilingsOf(ProviderRule? rule) => rule?.Within(_usual) ?? _usual;

    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        try
        {
            var written = WrittenAt(_path!);
            if (written == _written)
            {
                return;
            }

            _written = written;
            _rules = Load(_path!);
            _logger.ProviderRulesRead(_path!, _rules.Count);
        }
        catch (Exception e) when (IsMistake(e))
        {
            _logger.ProviderRulesWrong(_path!, e.Message);
            return;
        }

        Changed?.Invoke();
    }

    // Where links lead: Kubernetes brings new files by turning the link of a folder, and the file's own stays as it was.
    private static DateTime WrittenAt(string path) =>
        File.Exists(path) ? File.GetLastWriteTimeUtc(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path) : default;

    private static IReadOnlyList<ProviderRule> Load(string path)
    {
        using var reader = new StreamReader(path);
        return ProviderFile.Merge(ProviderFile.Read(reader), ProviderFile.Embedded);
    }

    private static bool IsMistake(Exception e) => e is FormatException or IOException or UnauthorizedAccessException;
}
