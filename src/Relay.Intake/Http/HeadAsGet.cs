using Microsoft.AspNetCore.Http;

namespace Relay.Intake.Http;

/// <summary>
/// HEAD is taken wherever GET is (RFC 9110, 9.1): balancers and watchers ask that way. The server itself leaves the body out,
/// since it goes by what came over the wire.
/// </summary>
internal sealed class HeadAsGet(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (HttpMethods.IsHead(context.Request.Method))
        {
            context.Request.Method = HttpMethods.Get;
        }

        return next(context);
    }
}
