namespace Relay.Redis.Embedded.Commands;

/// <summary>What may stand behind the value in SET, and behind the key in GETEX.</summary>
internal ref struct SetOptions
{
    public bool OnlyIfNone { get; private set; }

    public bool OnlyIfThere { get; private set; }

    public bool KeepsExpiry { get; private set; }

    public bool Persists { get; private set; }

    /// <summary>Answers with the old value.</summary>
    public bool Returns { get; private set; }

    /// <summary>Unix milliseconds, or 0.</summary>
    public long ExpiresAt { get; private set; }

    public static bool TryRead(Call call, int index, out SetOptions options)
    {
        options = default;
        var isGet = call.Is(0, "getex"u8);
        var name = isGet ? "getex" : "set";
        for (; index < call.Count; index++)
        {
            var hasExpiry = options.ExpiresAt != 0 || options.KeepsExpiry || options.Persists;
            if (!isGet && call.Is(index, "nx"u8) && !options.OnlyIfThere)
            {
                options.OnlyIfNone = true;
            }
            else if (!isGet && call.Is(index, "xx"u8) && !options.OnlyIfNone)
            {
                options.OnlyIfThere = true;
            }
            else if (!isGet && call.Is(index, "get"u8))
            {
                options.Returns = true;
            }
            else if (!isGet && call.Is(index, "keepttl"u8) && options.ExpiresAt == 0)
            {
                options.KeepsExpiry = true;
            }
            else if (isGet && call.Is(index, "persist"u8) && options.ExpiresAt == 0)
            {
                options.Persists = true;
            }
            else if (Unit(call, index) is { } unit && !hasExpiry && index + 1 < call.Count)
            {
                if (!call.TryInteger(++index, out var time))
                {
                    return false;
                }

                if (!TryDeadline(time, unit.Milliseconds, unit.IsAbsolute ? 0 : call.Keyspace.Now, out var at))
                {
                    call.Reply.Error($"ERR invalid expire time in '{name}' command");
                    return false;
                }

                options.ExpiresAt = at;
            }
            else
            {
                call.Reply.Error(Call.SyntaxError);
                return false;
            }
        }

        return true;
    }

    /// <summary>The time so many units from now. False when there is no such time.</summary>
    public static bool TryDeadline(long time, long unit, long now, out long at)
    {
        at = 0;
        if (time <= 0 || time > (long.MaxValue - now) / unit)
        {
            return false;
        }

        at = (time * unit) + now;
        return true;
    }

    private static (long Milliseconds, bool IsAbsolute)? Unit(Call call, int index) =>
        call.Is(index, "ex"u8) ? (1000, false)
        : call.Is(index, "px"u8) ? (1, false)
        : call.Is(index, "exat"u8) ? (1000, true)
        : call.Is(index, "pxat"u8) ? (1, true)
        : null;
}
