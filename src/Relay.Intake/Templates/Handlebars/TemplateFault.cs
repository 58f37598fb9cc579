namespace Relay.Intake.Templates.Handlebars;

/// <summary>A source is no template, or more of one than is taken.</summary>
/// <param name="words">For its author.</param>
internal sealed class TemplateFault(string source, int offset, string words) : Exception(words)
{
    /// <summary>With the place, as an editor counts it.</summary>
    public string Words
    {
        get
        {
            var before = source.AsSpan(0, Math.Min(offset, source.Length));
            return $"is wrong in line {before.Count('\n') + 1}, column {before.Length - before.LastIndexOf('\n')}: {Message}";
        }
    }
}
