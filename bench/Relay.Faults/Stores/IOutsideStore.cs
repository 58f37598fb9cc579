namespace Relay.Faults.Stores;

/// <summary>A store in processes of its own, as far as a fault can reach it.</summary>
internal interface IOutsideStore : IAsyncDisposable
{
    /// <summary>What goes into <c>Relay:Redis</c>.</summary>
    string ConnectionString { get; }

    /// <summary>kill -9 of all of it.</summary>
    Task KillAsync();

    Task StartAgainAsync(CancellationToken cancellation);

    /// <summary>SIGSTOP.</summary>
    void Pause();

    /// <summary>SIGCONT.</summary>
    void Continue();
}
