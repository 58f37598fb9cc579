using Relay.TestKit.Relays;

namespace Relay.ScenarioTests.Administering;

/// <summary>Templates stand in files, under version control say, and a script puts them where the relay finds them.</summary>
public sealed class TemplateCommandTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_template_is_made_of_files_looked_at_changed_and_removed()
    {
        await using var relay = await RelayUnderTest.StartAsync(Cancellation);
        Write("receipt.txt", "Hi {{name}}\n{{#each lines}}- {{this}}\n{{/each}}");
        Write("receipt.html", "<p>{{name}}</p>\n<p>{{order.number}}</p>");
        Write("ada.json", """{ "name": "Ada <1>", "lines": ["Tea", "Milk"] }""");

        var id = (await RunAsync(null, "create", "Receipt", "--subject", "Order {{order.number}}", "--text-file", "receipt.txt", "--html-file", "receipt.html")).Succeeded().Output.Trim();
        Assert.StartsWith("tmpl_", id, StringComparison.Ordinal);
        Assert.Matches($@"(?m)^{id}\tReceipt\t1\tOrder \{{\{{order\.number\}}\}}\t", (await RunAsync(null, "list")).Succeeded().Output);
        Assert.Equal("<p>{{name}}</p>\n<p>{{order.number}}</p>", (await RunAsync(null, "show", id, "--html")).Succeeded().Output.TrimEnd());

        var seen = (await RunAsync(null, "preview", id, "--variables", "ada.json")).Succeeded();
        Assert.Contains("Hi Ada <1>\n- Tea\n- Milk\n", seen.Output, StringComparison.Ordinal);
        Assert.Contains("<p>Ada &lt;1&gt;</p>", seen.Output, StringComparison.Ordinal);
        Assert.Contains("order.number was not given", seen.Errors, StringComparison.Ordinal);
        Assert.Equal("<p>Bea</p>\n<p>7</p>", (await RunAsync("""{ "name": "Bea", "order": { "number": 7 } }""", "preview", id, "--variables", "-", "--html")).Succeeded().Output.TrimEnd());

        // What is not given stays.
        var changed = (await RunAsync("Hello {{name}}", "put", id, "--text-file", "-", "--strict")).Succeeded().Output;
        Assert.Matches(@"(?m)^version +2$", changed);
        var shown = (await RunAsync(null, "show", id)).Succeeded().Output;
        Assert.Matches(@"(?m)^strict +true$", shown);
        Assert.Contains("-- subject\nOrder {{order.number}}\n", shown, StringComparison.Ordinal);
        Assert.Contains("-- text\nHello {{name}}\n", shown, StringComparison.Ordinal);
        Assert.Contains("<p>{{order.number}}</p>", shown, StringComparison.Ordinal);

        Write("broken.html", "<p>\n<p>{{#if a}}");
        var refused = await RunAsync(null, "put", id, "--html-file", "broken.html");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("line 2, column 4", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync(null, "preview", id)).ExitCode);
        Assert.Equal(71, (await RunAsync(null, "put", id, "--html-file", "missing.html")).ExitCode);
        Assert.Equal(64, (await RunAsync("[]", "preview", id, "--variables", "-")).ExitCode);
        Assert.Equal(64, (await RunAsync(null, "put", id)).ExitCode);

        (await RunAsync(null, "remove", id)).Succeeded();
        Assert.Equal(1, (await RunAsync(null, "show", id)).ExitCode);

        // Commands run in this folder.
        void Write(string name, string content) => File.WriteAllText(Path.Combine(relay.Folder, name), content);

        Task<Ended> RunAsync(string? input, params string[] arguments) => relay.CommandAsync(Cancellation, input, ["template", .. arguments]);
    }
}
