using System.Text.Json;
using MimeKit;
using Relay.TestKit.Remote;

namespace Relay.ScenarioTests.Delivering;

/// <summary>A template is made, and a batch written from it arrives.</summary>
public sealed class TemplatedMailTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_written_from_a_template_arrives_as_it_was_previewed()
    {
        await using var remote = ScriptedSmtpServer.Start();
        await using var relay = await RelayUnderTest.StartAsync(Cancellation, new RelaySetup().WithRoute(remote.Port));
        var template = (await relay.PostAsync(
            "/templates",
            new { name = "Receipt", subject = "Order {{order}} & more", text = "Hi {{name}}", html = "<p>{{name}}</p>{{#each lines}}<li>{{this}}</li>{{/each}}" },
            Cancellation)).GetProperty("id").GetString();
        var preview = await relay.PostAsync($"/templates/{template}/preview", new { variables = VariablesOf(1) }, Cancellation);

        var answer = await relay.PostAsync(
            "/send/batch",
            Enumerable.Range(0, 3).Select(i => new { from = "shop@sender.test", to = $"b{i}@remote.test", template, variables = VariablesOf(i) }),
            Cancellation);

        Assert.All(answer.GetProperty("items").EnumerateArray(), item => Assert.Equal(202, item.GetProperty("status").GetInt32()));
        var arrived = (await remote.WaitForMessagesAsync(3, Cancellation)).Select(mail => MimeMessage.Load(new MemoryStream(mail.Content), Cancellation)).ToList();
        Assert.Equal(["Order 0 & more", "Order 1 & more", "Order 2 & more"], arrived.Select(mail => mail.Subject).Order(StringComparer.Ordinal));
        var second = arrived.Single(mail => mail.To.ToString() == "b1@remote.test");
        Assert.Equal(["text/plain", "text/html"], second.BodyParts.Select(part => part.ContentType.MimeType));
        Assert.Equal(preview.GetProperty("text").GetString(), second.TextBody!.TrimEnd());
        Assert.Equal("<p>Ada &lt;1&gt;</p><li>a</li><li>b</li>", second.HtmlBody!.TrimEnd());
        Assert.Equal(second.HtmlBody!.TrimEnd(), preview.GetProperty("html").GetString());
        Assert.Equal(0, preview.GetProperty("missing").GetArrayLength());
    }

    private static object VariablesOf(int order) => new { order, name = $"Ada <{order}>", lines = new[] { "a", "b" } };
}
