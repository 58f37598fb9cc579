using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.TestKit.Dns;
using Relay.TestKit.Smtp;

namespace Relay.ScenarioTests.Telling;

/// <summary>A help desk behind the relay: its mail comes in at port 25 and is posted to it.</summary>
public sealed class InboundRouteTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mail_for_a_route_is_posted_to_its_webhook_and_nobody_elses_is_taken()
    {
        var (inbound, desk) = (FreePorts.Next(), FreePorts.Next());
        using var listener = new HttpListener();
        listener.Prefixes.Add($"http://*:{desk}/");
        listener.Start();
        await using var dns = ScriptedDns.Start();
        dns.A("desk.shop.test", "127.0.0.1");
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation,
            new RelaySetup()
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Delivery:AllowPrivateDestinations", true)
                .With("Inbound:Enabled", true)
                .With("Inbound:Port", inbound));
        (await relay.CommandAsync(Cancellation, null, "route", "add", "help.shop.test", "--webhook", $"http://desk.shop.test:{desk}/mail")).Succeeded();

        await using var client = await SmtpConversation.ConnectAsync(new IPEndPoint(IPAddress.Loopback, inbound), Cancellation);
        await client.Expects("220 ");
        await client.Says("EHLO mx.there.test", expect: "250 ");
        await client.Says("MAIL FROM:<ann@there.test>", expect: "250 ");
        await client.Says("RCPT TO:<sales@shop.test>", expect: "550 5.1.1 ");
        await client.Says("RCPT TO:<anybody@help.shop.test>", expect: "250 ");
        await client.Says("DATA", expect: "354 ");
        await client.SendsRaw("From: ann@there.test\r\nSubject: Where is it?\r\n\r\nHello\r\n.\r\n");
        var id = (await client.Expects("250 2.0.0 Ok: queued as ")).Split(' ')[^1];

        var posted = await listener.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        using var reader = new StreamReader(posted.Request.InputStream, Encoding.UTF8);
        var data = JsonElement.Parse(await reader.ReadToEndAsync(Cancellation)).GetProperty("data");
        Assert.Equal(id, posted.Request.Headers["webhook-id"]);
        Assert.StartsWith("v1,", posted.Request.Headers["webhook-signature"], StringComparison.Ordinal);
        Assert.Equal("Where is it?", data.GetProperty("subject").GetString());
        posted.Response.StatusCode = 204;
        posted.Response.Close();

        await relay.WaitForAsync($"/messages/{id}", m => m.GetProperty("recipients")[0].GetProperty("status").GetString() == "delivered", Cancellation);
        var listed = (await relay.CommandAsync(Cancellation, null, "route", "list")).Succeeded().Output;
        Assert.Contains("help.shop.test", listed, StringComparison.Ordinal);
        Assert.Equal("", (await relay.CommandAsync(Cancellation, null, "route", "remove", listed.Split('\t')[0], "--json")).Succeeded().Output);
    }
}
