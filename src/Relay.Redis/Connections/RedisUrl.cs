using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using StackExchange.Redis;

namespace Relay.Redis.Connections;

/// <summary>
/// A store named by a URL, as hosts of Redis hand it out: <c>rediss://user:password@host:port/database</c>, with <c>redis</c>
/// where it does not speak TLS. What else is to be set needs the other form.
/// </summary>
internal static class RedisUrl
{
    /// <exception cref="FormatException">It begins as a URL and cannot be read as one.</exception>
    public static bool TryRead(string text, [NotNullWhen(true)] out ConfigurationOptions? options)
    {
        options = null;
        if (!text.StartsWith("redis://", StringComparison.OrdinalIgnoreCase) && !text.StartsWith("rediss://", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            throw new FormatException("as a URL it is redis://user:password@host:port/database, and rediss:// with TLS");
        }

        options = new ConfigurationOptions
        {
            EndPoints = { { url.IdnHost.Trim('[', ']'), url.IsDefaultPort ? 0 : url.Port } },
            Ssl = url.Scheme.Equals("rediss", StringComparison.OrdinalIgnoreCase),
        };
        if (url.UserInfo.Split(':', 2) is [var user, var password])
        {
            (options.User, options.Password) = (user.Length > 0 ? Uri.UnescapeDataString(user) : null, Uri.UnescapeDataString(password));
        }
        else if (url.UserInfo.Length > 0)
        {
            throw new FormatException("its user has no password: redis://user:password@host, or redis://:password@host");
        }

        if (url.AbsolutePath.Trim('/') is { Length: > 0 } database)
        {
            options.DefaultDatabase = int.TryParse(database, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new FormatException("what stands behind the host is the number of a database");
        }

        return true;
    }
}
