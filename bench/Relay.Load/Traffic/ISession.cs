namespace Relay.Load.Traffic;

/// <summary>One client of the generator. A refusal leaves it usable; an <see cref="IOException"/> does not.</summary>
internal interface ISession : IDisposable
{
    void Open();

    /// <summary>Sends the message; the server's words when it refuses it, else null.</summary>
    string? Send(LoadToken token, int domain);
}
