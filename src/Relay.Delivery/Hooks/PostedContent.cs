using System.Net;
using System.Net.Http.Headers;

namespace Relay.Delivery.Hooks;

/// <summary>Knows whether all of it was handed over: from then on the other end may have it.</summary>
internal sealed class PostedContent : ByteArrayContent
{
    public PostedContent(byte[] body)
        : base(body) => Headers.ContentType = new MediaTypeHeaderValue("application/json");

    public bool WasSent { get; private set; }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await base.SerializeToStreamAsync(stream, context);

        // What is still in a buffer of the handler's counts as sent: rather one word too many than a double without one.
        WasSent = true;
    }
}
