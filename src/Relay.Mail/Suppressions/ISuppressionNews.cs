namespace Relay.Mail.Suppressions;

/// <summary>
/// Which addresses were suppressed, told as it happens, here or at another node: for whoever has looked already and not acted yet.
/// </summary>
public interface ISuppressionNews
{
    /// <summary>An account, and addresses as <see cref="Suppression.KeyOf"/> has them. Whoever looks from now on finds them.</summary>
    event Action<string, IReadOnlyList<string>>? Suppressed;

    /// <summary>Some may not have been heard, or were too many to be told.</summary>
    event Action? Missed;
}
