using System.Security.Cryptography.X509Certificates;

namespace Relay.Load.Sink;

/// <summary>What the sink offers beside PIPELINING.</summary>
/// <param name="Certificate">With a private key, for STARTTLS; null does not offer it.</param>
internal readonly record struct SinkOffers(bool Chunking = false, X509Certificate2? Certificate = null);
