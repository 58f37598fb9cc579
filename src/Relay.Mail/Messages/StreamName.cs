namespace Relay.Mail.Messages;

/// <summary>
/// The name of a stream: the list or kind of mail that a message belongs to. Who is done with one stream, by unsubscribing or
/// complaining, still gets the account's other mail.
/// </summary>
public static class StreamName
{
    /// <summary>The stream of bulk mail that names none: whoever unsubscribes from it must not lose a password reset.</summary>
    public const string Bulk = "bulk";

    public const string Rule = "must be 1 to 64 characters of a-z, 0-9, '.', '-' and '_'";

    private const int MaxLength = 64;

    private static readonly System.Buffers.SearchValues<char> Allowed = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    public static bool IsValid(ReadOnlySpan<char> name) => name.Length is > 0 and <= MaxLength && !name.ContainsAnyExcept(Allowed);

    /// <summary>The stream of a message that names this one, or none; null where it belongs to the account alone.</summary>
    public static string? Of(MessageClass @class, string? named) => named ?? (@class == MessageClass.Bulk ? Bulk : null);
}
