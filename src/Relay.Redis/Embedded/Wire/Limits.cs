namespace Relay.Redis.Embedded.Wire;

/// <summary>What one client may ask for at once. Redis allows more; nothing here needs it.</summary>
internal static class Limits
{
    // The largest write of the relay is one step of accepts, 4 MiB and some.
    public const int LongestCommand = 64 * 1024 * 1024;

    // As in Redis.
    public const int MostArguments = 1024 * 1024;

    // A command without the array form: only people type those.
    public const int LongestInline = 16 * 1024;

    // What waits for a client that does not read.
    public const int LongestBacklog = 64 * 1024 * 1024;
}
