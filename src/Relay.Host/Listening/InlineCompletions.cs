namespace Relay.Host.Listening;

/// <summary>
/// Lets what waits for a socket go on in the thread that hears of it, instead of in one that it wakes for that. A message has
/// some five such waits, each short of work and none that blocks; waking a thread costs more than the work. What takes long
/// must leave that thread, since other sockets are heard of by it, too.
/// </summary>
internal static class InlineCompletions
{
    // The runtime has no other switch for it.
    private const string Setting = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>Works before the first socket of the process. Who has set it, to 0 or 1, is left alone.</summary>
    public static void Prefer()
    {
        if (Environment.GetEnvironmentVariable(Setting) is null)
        {
            Environment.SetEnvironmentVariable(Setting, "1");
        }
    }
}
