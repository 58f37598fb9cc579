using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Relay.Delivery;
using Relay.Host.Certificates;
using Relay.Host.Telemetry;
using Relay.Intake.Admission;
using Relay.Intake.Domains;
using Relay.Intake.Http;
using Relay.Intake.Limits;
using Relay.Intake.Smtp;
using Relay.Mail;
using Relay.Mail.Lists;
using Relay.Redis;

namespace Relay.Host.Settings;

/// <summary>Everything that may be set, and where it is read from: code, <c>appsettings.json</c>, the operator's file, the environment; the last wins.</summary>
internal static class RelaySettings
{
    public const string Root = RelayOptions.Section;

    /// <summary>Each options type, at the path that it is bound to.</summary>
    public static IReadOnlyList<(string Path, Type Options)> Bound { get; } =
    [
        ("", typeof(RelayOptions)),
        ("", typeof(StoreOptions)),
        ("", typeof(ProcessOptions)),
        (HttpOptions.Section, typeof(HttpOptions)),
        (SubmissionOptions.Section, typeof(SubmissionOptions)),
        (InboundOptions.Section, typeof(InboundOptions)),
        (DeliveryOptions.Section, typeof(DeliveryOptions)),
        (TlsOptions.Section, typeof(TlsOptions)),
        (BootstrapOptions.Section, typeof(BootstrapOptions)),
        (LoginOptions.Section, typeof(LoginOptions)),
        (LimitOptions.Section, typeof(LimitOptions)),
        (DomainOptions.Section, typeof(DomainOptions)),
        (ListOptions.Section, typeof(ListOptions)),
        (TelemetryOptions.Section, typeof(TelemetryOptions)),
    ];

    // Someone who tries the relay out has no domain at hand.
    private static readonly KeyValuePair<string, string?>[] InDevelopment =
        [new($"{Root}:{BootstrapOptions.Section}:{nameof(BootstrapOptions.RequireVerifiedDomains)}", "false")];

    public static Setting.Section Tree { get; } = Setting.Tree(Bound);

    /// <summary>Replaces the sources of a builder by ours.</summary>
    /// <exception cref="SettingsException">A source cannot be read, or holds what may not be set.</exception>
    public static IConfigurationSection Load(ConfigurationManager configuration, string? file, string environment)
    {
        ((IConfigurationBuilder)configuration).Sources.Clear();
        if (environment == Environments.Development)
        {
            configuration.AddInMemoryCollection(InDevelopment);
        }

        configuration.SetBasePath(AppContext.BaseDirectory).AddJsonFile("appsettings.json", optional: true, reloadOnChange: false);
        if (file is not null)
        {
            ((IConfigurationBuilder)configuration).Add(ConfigurationFile.Read(file));
        }

        configuration.AddEnvironmentVariables();

        var relay = configuration.GetSection(Root);
        Require(new SettingsCheck(Tree).Problems(relay), configuration);
        return relay;
    }

    /// <summary>The words for what an options validator found when the host started.</summary>
    public static SettingsException Explain(OptionsValidationException e)
    {
        var path = Bound.FirstOrDefault(b => b.Options == e.OptionsType).Path;
        var prefix = string.IsNullOrEmpty(path) ? Root : $"{Root}:{path}";
        return new SettingsException(string.Join(Environment.NewLine, e.Failures.Select(failure => $"{prefix}: {failure}")));
    }

    private static void Require(IReadOnlyList<SettingsProblem> problems, IConfigurationRoot root)
    {
        if (problems.Count > 0)
        {
            throw new SettingsException(string.Join(Environment.NewLine, problems.Select(p => $"{p.Path} {p.Text}{OriginOf(p.Path, root)}")));
        }
    }

    // A wrong value in the environment would else be looked for in the file.
    private static string OriginOf(string path, IConfigurationRoot root)
    {
        var provider = root.Providers.LastOrDefault(p => p.TryGet(path, out _) || p.GetChildKeys([], path).Any());
        return provider switch
        {
            FileConfigurationProvider { Source: { Path: { } name, FileProvider: { } files } } => $" (in {files.GetFileInfo(name).PhysicalPath})",
            Microsoft.Extensions.Configuration.EnvironmentVariables.EnvironmentVariablesConfigurationProvider =>
                $" (environment: {path.Replace(":", "__", StringComparison.Ordinal)})",
            _ => "",
        };
    }
}
