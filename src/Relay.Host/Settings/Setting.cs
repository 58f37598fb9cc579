using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Relay.Host.Settings;

/// <summary>What may stand at one place of the configuration, as the options types say it.</summary>
internal abstract record Setting
{
    private Setting()
    {
    }

    /// <summary>One value, which its type and its attributes bound.</summary>
    internal sealed record Value(Type Type, IReadOnlyList<ValidationAttribute> Rules) : Setting;

    /// <summary>Settings by name.</summary>
    internal sealed record Section : Setting
    {
        public SortedDictionary<string, Setting> Settings { get; } = new(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>A list of alike settings, by index.</summary>
    internal sealed record Sequence(Setting Item) : Setting;

    /// <summary>Alike settings under names that the operator chooses.</summary>
    internal sealed record Map(Setting Item) : Setting;

    /// <summary>The tree of all settings: each options type at the path it is bound to; several may share a path.</summary>
    public static Section Tree(IEnumerable<(string Path, Type Options)> sections)
    {
        var root = new Section();
        foreach (var (path, options) in sections)
        {
            var section = root;
            foreach (var name in path.Split(':', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!section.Settings.TryGetValue(name, out var inner))
                {
                    section.Settings[name] = inner = new Section();
                }

                section = (Section)inner;
            }

            AddProperties(section, options);
        }

        return root;
    }

    private static void AddProperties(Section section, Type options)
    {
        foreach (var property in options.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is { IsPublic: true }))
        {
            var name = property.GetCustomAttribute<ConfigurationKeyNameAttribute>()?.Name ?? property.Name;
            var setting = Of(property.PropertyType, [.. property.GetCustomAttributes<ValidationAttribute>()]);

            // A section that is bound by itself as well may be there already.
            if (setting is Section inner && section.Settings.TryGetValue(name, out var known) && known is Section there)
            {
                foreach (var (key, value) in inner.Settings)
                {
                    there.Settings[key] = value;
                }

                continue;
            }

            section.Settings[name] = setting;
        }
    }

    private static Setting Of(Type type, IReadOnlyList<ValidationAttribute> rules)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (TypeDescriptor.GetConverter(type).CanConvertFrom(typeof(string)))
        {
            return new Value(type, rules);
        }

        if ((ItemOf(type, typeof(IDictionary<,>), 1) ?? ItemOf(type, typeof(IReadOnlyDictionary<,>), 1)) is { } named)
        {
            return new Map(Of(named, []));
        }

        if (typeof(IEnumerable).IsAssignableFrom(type) && ItemOf(type, typeof(IEnumerable<>), 0) is { } item)
        {
            return new Sequence(Of(item, []));
        }

        var section = new Section();
        AddProperties(section, type);
        return section;
    }

    private static Type? ItemOf(Type type, Type generic, int argument) =>
        type.GetInterfaces().Prepend(type)
            .FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == generic)?
            .GetGenericArguments()[argument];
}
