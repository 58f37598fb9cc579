using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Delivery.Connections;

/// <summary>
/// The octets under TLS. Counts what comes in during the handshake: where the certificate has no room in it, the remote sent
/// none, and the session of an earlier connection was resumed. The runtime itself does not tell.
/// </summary>
internal sealed class HandshakeStream(Socket socket) : NetworkStream(socket, ownsSocket: false)
{
    private int _octets;
    private bool _isOver;

    /// <summary>The handshake is over. True when it resumed a session.</summary>
    /// <param name="shown">The remote's certificate, from this handshake or the one that was resumed.</param>
    public bool EndHandshake(X509Certificate? shown)
    {
        _isOver = true;
        return shown is X509Certificate2 certificate && _octets < certificate.RawDataMemory.Length;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _isOver ? base.ReadAsync(buffer, cancellationToken) : CountAsync(buffer, cancellationToken);

    private async ValueTask<int> CountAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        var count = await base.ReadAsync(buffer, cancellation);
        _octets += count;
        return count;
    }
}
