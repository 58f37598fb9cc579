using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.FileProviders;

namespace Relay.Host.Settings;

/// <summary>The operator's file: JSON with comments, whose faults are told with their line.</summary>
internal static class ConfigurationFile
{
    // What else ASP.NET reads and an operator may want to turn.
    private static readonly string[] Sections = [RelaySettings.Root, "Logging"];

    /// <exception cref="SettingsException">It is missing, unreadable or malformed, or holds what is nobody's section.</exception>
    public static IConfigurationSource Read(string path)
    {
        var full = Path.GetFullPath(path);
        if (!File.Exists(full))
        {
            throw new SettingsException($"the configuration file {full} does not exist");
        }

        var source = new JsonConfigurationSource
        {
            FileProvider = new PhysicalFileProvider(Path.GetDirectoryName(full)!, Microsoft.Extensions.FileProviders.Physical.ExclusionFilters.None),
            Path = Path.GetFileName(full),
            Optional = false,
            ReloadOnChange = false,
        };
        CheckSections(full, Load(full, source));
        return source;
    }

    private static IConfiguration Load(string path, JsonConfigurationSource source)
    {
        try
        {
            return new ConfigurationBuilder().Add(source).Build();
        }
        catch (InvalidDataException e) when (e.InnerException is FormatException { InnerException: JsonException json })
        {
            throw new SettingsException($"{path}, line {json.LineNumber + 1}: {Sentence(json.Message)}");
        }
        catch (InvalidDataException e)
        {
            throw new SettingsException($"{path}: {e.InnerException?.Message ?? e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"{path} cannot be read: {e.Message}");
        }
    }

    private static void CheckSections(string path, IConfiguration file)
    {
        foreach (var section in file.GetChildren())
        {
            if (!Sections.Contains(section.Key, StringComparer.OrdinalIgnoreCase))
            {
                throw new SettingsException($"{path}: {section.Key} is not a section; settings stand under \"{RelaySettings.Root}\": {{ ... }}");
            }
        }
    }

    // The reader's message ends with its own count of line and byte, from 0; the line is told already.
    private static string Sentence(string message)
    {
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }
}
