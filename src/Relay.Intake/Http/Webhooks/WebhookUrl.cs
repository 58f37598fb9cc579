using Relay.Intake.Http.Json;

namespace Relay.Intake.Http.Webhooks;

/// <summary>Where an account may have something posted to. Which addresses it leads to is looked at each time that it is.</summary>
internal static class WebhookUrl
{
    // Longer ones nobody types, and logs and lists would be full of them.
    private const int MostCharacters = 2_000;

    /// <param name="isAdmin">In clear text whoever stands between reads the account's mail: that is for the one who runs all of it to say.</param>
    public static Uri? Read(string text, bool isAdmin, string field, FieldErrors errors)
    {
        if (text.Length <= MostCharacters && Uri.TryCreate(text, UriKind.Absolute, out var place) && place.UserInfo.Length == 0
            && (place.Scheme == Uri.UriSchemeHttps || (isAdmin && place.Scheme == Uri.UriSchemeHttp)))
        {
            return place;
        }

        errors.Add(field, $"must be an https URL without a login, of {MostCharacters} characters at most");
        return null;
    }
}
