using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Relay.Host.Settings;

/// <summary>
/// Compares the configuration with what may be set. The binder passes over a name it does not know, so a typo would
/// silently leave a default in place; here it stops the start, with its full name.
/// </summary>
internal sealed class SettingsCheck(Setting.Section tree)
{
    private readonly List<SettingsProblem> _problems = [];

    /// <summary>Everything that is wrong under a section, in the order of the configuration.</summary>
    public IReadOnlyList<SettingsProblem> Problems(IConfigurationSection given)
    {
        _problems.Clear();
        Check(given, tree);
        return [.. _problems];
    }

    private void Check(IConfigurationSection given, Setting setting)
    {
        var inner = given.GetChildren().ToList();
        switch (setting)
        {
            case Setting.Value value when inner.Count > 0:
                Report(given, $"is one value ({Allowed(value)}), not a group of settings");
                break;
            case Setting.Value value:
                CheckValue(given, value);
                break;
            case Setting.Section section when inner.Count == 0 && !string.IsNullOrEmpty(given.Value):
                Report(given, $"is a group of settings ({Names(section)}), not one value");
                break;
            case Setting.Section section:
                inner.ForEach(child => CheckNamed(child, section));
                break;
            case Setting.Sequence or Setting.Map when inner.Count == 0 && !string.IsNullOrEmpty(given.Value):
                Report(given, setting is Setting.Sequence ? "is a list, [ ... ]" : "is a group of settings, { ... }");
                break;
            case Setting.Sequence sequence:
                inner.ForEach(child => CheckItem(child, sequence));
                break;
            case Setting.Map map:
                inner.ForEach(child => Check(child, map.Item));
                break;
        }
    }

    private void CheckNamed(IConfigurationSection given, Setting.Section section)
    {
        if (section.Settings.TryGetValue(given.Key, out var setting))
        {
            Check(given, setting);
            return;
        }

        Report(given, Spelling.Nearest(given.Key, section.Settings.Keys) is { } near
            ? $"is not a setting; did you mean {near}?"
            : $"is not a setting; what may stand here: {Names(section)}");
    }

    private void CheckItem(IConfigurationSection given, Setting.Sequence sequence)
    {
        if (int.TryParse(given.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            Check(given, sequence.Item);
            return;
        }

        Report(given, "stands where a list is expected, [ ... ]");
    }

    private void CheckValue(IConfigurationSection given, Setting.Value setting)
    {
        // null in a file asks for the default; an empty environment variable counts as null for what is no text.
        if (given.Value is not { } text || (text.Length == 0 && setting.Type != typeof(string)))
        {
            return;
        }

        if (!TryConvert(setting.Type, text, out var value) || setting.Rules.Any(rule => !rule.IsValid(value)))
        {
            // A text may be a secret, a connection string with its password: it is not repeated.
            var shown = setting.Type == typeof(string) ? "has a value that may not be" : $"is '{text}'";
            Report(given, $"{shown}; allowed: {Allowed(setting)}");
        }
    }

    private static bool TryConvert(Type type, string text, out object? value)
    {
        value = null;
        try
        {
            value = TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException or OverflowException)
        {
            return false;
        }

        // The converters take '7' for any enum, and '30' for thirty days.
        return !(type.IsEnum && !Enum.IsDefined(type, value!)) && !(type == typeof(TimeSpan) && !text.Contains(':', StringComparison.Ordinal));
    }

    private static string Allowed(Setting.Value setting) => setting switch
    {
        { Type.IsEnum: true } => string.Join(", ", Enum.GetNames(setting.Type)),
        { Type: var type } when type == typeof(bool) => "true, false",
        { Type: var type } when type == typeof(TimeSpan) => WithRange("a time as hh:mm:ss or d.hh:mm:ss", setting.Rules),
        { Type: var type } when type == typeof(Uri) => "an absolute URL",
        { Type: var type } when type == typeof(string) => Text(setting.Rules),
        _ => WithRange("a number", setting.Rules),
    };

    private static string WithRange(string what, IReadOnlyList<ValidationAttribute> rules) =>
        rules.OfType<RangeAttribute>().FirstOrDefault() is { } range
            ? string.Create(CultureInfo.InvariantCulture, $"{what} from {range.Minimum} to {range.Maximum}")
            : what;

    private static string Text(IReadOnlyList<ValidationAttribute> rules) => rules switch
    {
        [] => "a text",
        _ when rules.OfType<UrlAttribute>().Any() => "an absolute URL",
        _ when rules.FirstOrDefault(rule => rule is not RequiredAttribute && rule.ErrorMessage is not null) is { } own => own.ErrorMessage!,
        _ when rules.OfType<RequiredAttribute>().Any() => "a text that is not empty",
        _ => "a text",
    };

    private static string Names(Setting.Section section) => string.Join(", ", section.Settings.Keys);

    private void Report(IConfigurationSection given, string text) => _problems.Add(new SettingsProblem(given.Path, text));
}

/// <param name="Path">The full name of the setting, <c>Relay:Http:Port</c>.</param>
/// <param name="Text">What is wrong with it, as the rest of a sentence.</param>
internal sealed record SettingsProblem(string Path, string Text);
