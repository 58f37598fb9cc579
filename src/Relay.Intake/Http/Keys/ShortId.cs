using System.Security.Cryptography;

namespace Relay.Intake.Http.Keys;

/// <summary>Names things of an account: <c>key_</c>, <c>acct_</c>, <c>dom_</c> and sixteen characters nobody can guess or mistake.</summary>
public static class ShortId
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    private const int Length = 16;

    public static string Create(string kind) => $"{kind}_{RandomNumberGenerator.GetString(Alphabet, Length)}";

    /// <summary>Whether a text could be the name of such a thing.</summary>
    public static bool IsOne(string kind, string? text) =>
        text is not null && text.Length == kind.Length + 1 + Length && text.StartsWith(kind, StringComparison.Ordinal) && text[kind.Length] == '_'
        && !text.AsSpan(kind.Length + 1).ContainsAnyExcept(Alphabet);
}
