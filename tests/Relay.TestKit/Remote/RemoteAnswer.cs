namespace Relay.TestKit.Remote;

/// <summary>What the server does at a point of the dialogue: wait, say something or nothing, and go on or go away.</summary>
/// <param name="Text">Sent with CRLF behind it; lines within are parted by CRLF. Null says nothing.</param>
public sealed record RemoteAnswer(string? Text)
{
    /// <summary>Says nothing and goes on listening.</summary>
    public static readonly RemoteAnswer Silence = new((string?)null);

    /// <summary>Ends the connection in the usual way, FIN.</summary>
    public static readonly RemoteAnswer Close = Silence with { Then = RemoteEnd.Close };

    /// <summary>Ends the connection at once, RST.</summary>
    public static readonly RemoteAnswer Reset = Silence with { Then = RemoteEnd.Reset };

    public RemoteEnd Then { get; init; }

    /// <summary>The octets of the chunk that is answered are left where they are, to be read as commands.</summary>
    public bool LeavesChunk { get; init; }

    /// <summary>What is waited for first.</summary>
    public Task? Gate { get; init; }

    /// <summary>Sends this line again and again until the client goes away.</summary>
    public bool Endless { get; init; }

    public static RemoteAnswer Say(string text) => new(text);

    public RemoteAnswer After(Task gate) => this with { Gate = gate };

    public RemoteAnswer ThenClose() => this with { Then = RemoteEnd.Close };

    public RemoteAnswer ThenReset() => this with { Then = RemoteEnd.Reset };

    public RemoteAnswer ForEver() => this with { Endless = true };
}

public enum RemoteEnd
{
    GoOn,
    Close,
    Reset,
}
