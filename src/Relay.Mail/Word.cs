namespace Relay.Mail;

/// <summary>The words of our closed lists as JSON has them. Each is one word, so lower case is camel case.</summary>
public static class Word
{
    public static string Of<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    public static bool TryParse<T>(string text, out T value)
        where T : struct, Enum => Enum.TryParse(text, ignoreCase: true, out value) && Of(value) == text;
}
