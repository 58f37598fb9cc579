namespace Relay.ScenarioTests.Harness;

/// <summary>A mail server of somebody else, with a mailbox for ada and one for bob.</summary>
internal interface IRemoteEnd : IAsyncDisposable
{
    int Port { get; }

    /// <summary>Whose mail it takes.</summary>
    string MailDomain { get; }

    /// <summary>The messages in a mailbox as the server wrote them, once there are so many.</summary>
    Task<IReadOnlyList<byte[]>> WaitForMailAsync(string user, int count, CancellationToken cancellation);
}
