using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.TestKit.Dns;
using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Administering;

/// <summary>Somebody at a terminal has a program told what happens to mail, and sees whether it is.</summary>
public sealed class WebhookCommandTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_webhook_is_added_tried_changed_replayed_and_removed()
    {
        var port = FreePorts.Next();
        using var program = new HttpListener();
        program.Prefixes.Add($"http://*:{port}/");
        program.Start();
        await using var dns = ScriptedDns.Start();
        dns.A("hooks.shop.test", "127.0.0.1");
        await using var relay = await RelayUnderTest.StartAsync(
            Cancellation,
            new RelaySetup()
                .With("Delivery:Dns:Servers", new JsonArray(dns.Server))
                .With("Delivery:AllowPrivateDestinations", true)
                .With("Bootstrap:RequireVerifiedDomains", false));

        var added = (await RunAsync("add", $"http://hooks.shop.test:{port}/first", "--event", "bounced", "--event", "delivered")).Succeeded().Output;
        var id = Fact(added, "id");
        Assert.StartsWith("hook_", id, StringComparison.Ordinal);
        Assert.StartsWith("whsec_", Fact(added, "secret, shown this once"), StringComparison.Ordinal);
        Assert.Matches($@"(?m)^{id}\thttp://hooks\.shop\.test:{port}/first\tbounced delivered\t", (await RunAsync("list")).Succeeded().Output);

        var test = (await RunAsync("test", id)).Succeeded().Output.Trim();
        Assert.Equal(("/first", test, "webhook.test"), await PostedAsync());
        await relay.WaitForAsync($"/webhooks/{id}", webhook => webhook.GetProperty("standing").GetProperty("taken").GetInt64() == 1, Cancellation);
        var shown = (await RunAsync("show", id)).Succeeded().Output;
        Assert.Equal(("working", "1", "0"), (Fact(shown, "state"), Fact(shown, "events taken"), Fact(shown, "messages waiting")));

        // What is not given stays.
        var changed = (await RunAsync("change", id, "--url", $"http://hooks.shop.test:{port}/second")).Succeeded().Output;
        Assert.Equal("bounced delivered", Fact(changed, "events"));
        Assert.Equal("all", Fact((await RunAsync("change", id, "--all-events")).Succeeded().Output, "events"));
        Assert.Equal(64, (await RunAsync("change", id)).ExitCode);
        var rotated = (await RunAsync("rotate", id)).Succeeded().Output;
        Assert.NotEqual(Fact(added, "secret, shown this once"), Fact(rotated, "secret, shown this once"));
        Assert.NotEqual("", Fact(rotated, "signed with the former until"));

        var message = (await relay.SendAsync(new { from = "a@shop.test", to = "delivered@simulator.test", subject = "x", text = "y" }, Cancellation)).GetProperty("id").GetString()!;
        var first = new[] { await PostedAsync(), await PostedAsync() };
        Assert.Equal([("/second", "accepted"), ("/second", "delivered")], first.Select(post => (post.Path, post.Type)));
        Assert.Equal("1", (await RunAsync("replay", id, "--since", "1h")).Succeeded().Output.Trim());
        Assert.Equal(first, new[] { await PostedAsync(), await PostedAsync() });
        Assert.Equal("1", (await RunAsync("replay", id, "--message", message)).Succeeded().Output.Trim());
        Assert.Equal(first, new[] { await PostedAsync(), await PostedAsync() });
        Assert.Equal(64, (await RunAsync("replay", id)).ExitCode);
        Assert.Equal(1, (await RunAsync("replay", id, "--message", "nothing")).ExitCode);

        (await RunAsync("remove", id)).Succeeded();
        var gone = await RunAsync("show", id);
        Assert.Equal((1, true), (gone.ExitCode, gone.Errors.Contains("no webhook with this id", StringComparison.Ordinal)));

        Task<Ended> RunAsync(params string[] arguments) => relay.CommandAsync(Cancellation, null, ["webhook", .. arguments]);

        async Task<(string Path, string Id, string Type)> PostedAsync()
        {
            var posted = await program.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
            using var reader = new StreamReader(posted.Request.InputStream, Encoding.UTF8);
            var type = JsonElement.Parse(await reader.ReadToEndAsync(Cancellation)).GetProperty("type").GetString()!;
            posted.Response.StatusCode = 204;
            posted.Response.Close();
            return (posted.Request.Url!.AbsolutePath, posted.Request.Headers["webhook-id"]!, type);
        }
    }

    private static string Fact(string output, string name) =>
        output.Split('\n').FirstOrDefault(line => line.StartsWith(name + "  ", StringComparison.Ordinal))?[name.Length..].Trim() ?? "";
}
