using System.Security.Cryptography;

namespace Relay.Intake.Http.Keys;

/// <summary>Names things of an account: <c>key_</c>, <c>acct_</c>, <c>dom_</c> and sixteen characters nobody can guess or mistake.</summary>
public static class ShortId
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string Create(string kind) => $"{kind}_{RandomNumberGenerator.GetString(Alphabet, 16)}";
}
