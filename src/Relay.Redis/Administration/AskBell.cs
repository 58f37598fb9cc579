using Relay.Redis.Queue;

namespace Relay.Redis.Administration;

/// <summary>Rings between whoever asks and the owner, where both are this process. Others look by themselves.</summary>
internal sealed class AskBell
{
    public Pulse Asked { get; } = new();

    public Pulse Answered { get; } = new();
}
