namespace Relay.Intake.Templates.Handlebars;

/// <summary>What bounds a template. A mail that a person reads stays far below each of them; what goes beyond is meant to cost us.</summary>
internal static class TemplateLimits
{
    /// <summary>Characters of a text or of an HTML.</summary>
    // Gmail cuts off what is longer than 102 KB.
    public const int MaxSource = 256 * 1024;

    /// <summary>Characters of a subject.</summary>
    public const int MaxSubject = 2_000;

    /// <summary>Tags of a source. Each becomes an object or a few.</summary>
    public const int MaxTags = 5_000;

    /// <summary>Characters between the braces of a tag.</summary>
    public const int MaxTag = 1_000;

    /// <summary>Blocks within blocks. They are read and rendered by recursion, of which a thread's stack takes some thousands.</summary>
    public const int MaxBlocks = 32;

    /// <summary>Parentheses within parentheses.</summary>
    public const int MaxCalls = 8;

    /// <summary>
    /// Steps of all that is rendered for a mail: each piece, each turn of a loop, each look at a variable, each 64 characters
    /// that are compared or hashed. It is what bounds the time: a step takes a fraction of a microsecond, whatever the template does.
    /// </summary>
    public const int MaxSteps = 250_000;

    /// <summary>Steps of all mails of a request.</summary>
    // Mail that people read takes some hundred each; five hundred that all took what one may would keep a core for half a minute.
    public const int MaxStepsOfABatch = 2_000_000;

    /// <summary>Characters of all that is rendered for a mail.</summary>
    public const int MaxOutput = 1024 * 1024;

    /// <summary>Values among the variables of a mail, and their characters.</summary>
    public const int MaxValues = 20_000;
    public const int MaxVariableText = 512 * 1024;
}
