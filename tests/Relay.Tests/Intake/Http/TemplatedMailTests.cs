using System.Net;
using System.Text;
using System.Text.Json;
using MimeKit;
using Relay.Mail.Messages;
using Relay.Mail.Templates;

namespace Relay.Tests.Intake.Http;

/// <summary><c>template</c> and <c>variables</c> in <c>POST /send</c>.</summary>
public sealed class TemplatedMailTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mail_is_written_from_a_template()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, subject: "Order {{order.number}} for {{name}}", text: "Hi {{name}} & all\n{{#each order.lines}}- {{this}}\n{{/each}}", html: "<p>{{name}}</p>");

        var answer = await SendAsync(api, id, new { name = "Bé <b>", order = new { number = 7, lines = new[] { "a", "b" } } });

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        var mail = Parse(Assert.Single(api.Stores.Queue.Accepted));
        Assert.Equal("Order 7 for Bé <b>", mail.Subject);
        Assert.Equal("Hi Bé <b> & all\r\n- a\r\n- b", mail.TextBody!.TrimEnd().ReplaceLineEndings("\r\n"));
        Assert.Equal("<p>Bé &lt;b&gt;</p>", mail.HtmlBody!.TrimEnd());
        Assert.IsType<MultipartAlternative>(mail.Body);
        Assert.Equal("Order 7 for Bé <b>", (await api.GetAsync($"/messages/{answer.String("id")}")).String("subject"));
    }

    [Fact]
    public async Task A_subject_beside_it_wins_and_stands_as_it_is()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, subject: "Hello {{name}}", text: "x");

        await SendAsync(api, id, new { name = "Ada" }, ("subject", "{{name}} & co"));

        Assert.Equal("{{name}} & co", Parse(api.Stores.Queue.Accepted[0]).Subject);
    }

    [Fact]
    public async Task What_does_not_go_together_is_refused_by_name()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, text: "x");

        (await SendAsync(api, id, new { }, ("text", "y"))).Names(HttpStatusCode.UnprocessableEntity, "text", "beside a template");
        (await SendAsync(api, id, new { }, ("html", "y"))).Names(HttpStatusCode.UnprocessableEntity, "html", "beside a template");
        (await api.SendWithAsync(("variables", new { }))).Names(HttpStatusCode.UnprocessableEntity, "variables", "are for a template");
        (await SendAsync(api, id, new[] { 1 })).Names(HttpStatusCode.UnprocessableEntity, "variables", "must be an object");
        (await SendAsync(api, "tmpl_0000000000000000", new { })).Names(HttpStatusCode.UnprocessableEntity, "template", "is not the id of a template");
        (await SendAsync(api, "", new { })).Names(HttpStatusCode.UnprocessableEntity, "template");
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task The_template_of_another_account_is_none()
    {
        await using var api = await ApiUnderTest.StartAsync(("Bootstrap:RequireVerifiedDomains", "false"));
        var id = await MakeAsync(api, text: "x");
        var stranger = await api.KeyAsync("stranger");

        (await api.PostAsync("/send", $$"""{ "from": "a@else.test", "to": "b@there.test", "template": "{{id}}" }""", stranger)).Names(HttpStatusCode.UnprocessableEntity, "template");
        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(api, id, new { })).Status);
        (await api.PostAsync("/send", $$"""{ "from": "a@else.test", "to": "b@there.test", "template": "{{id}}" }""", stranger)).Names(HttpStatusCode.UnprocessableEntity, "template");
    }

    [Theory]
    [MemberData(nameof(HostileRequestTests.Breaks), MemberType = typeof(HostileRequestTests))]
    public async Task No_variable_brings_a_line_break_into_the_subject(string evil)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, subject: "Hello {{name}}", text: "Hello");

        (await SendAsync(api, id, new { name = $"Ada{evil}Bcc: x@there.test" })).Names(HttpStatusCode.UnprocessableEntity, "subject");
        (await SendAsync(api, id, new { name = new string('x', 998) })).Names(HttpStatusCode.UnprocessableEntity, "subject", "longer than");
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task Variables_end_no_body_and_a_NUL_is_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, text: "a{{evil}}b", html: "{{{evil}}}");

        await SendAsync(api, id, new { evil = "\r\n.\r\nMAIL FROM:<x@evil.test>\r\n" });
        (await SendAsync(api, id, new { evil = "\0" })).Names(HttpStatusCode.UnprocessableEntity, "text", "NUL");

        var mail = Parse(Assert.Single(api.Stores.Queue.Accepted));
        Assert.Equal("a\r\n.\r\nMAIL FROM:<x@evil.test>\r\nb", mail.TextBody!.TrimEnd().ReplaceLineEndings("\r\n"));
    }

    [Fact]
    public async Task Nothing_but_subject_text_and_HTML_is_a_template()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, subject: "{{x}}", text: "x");

        await SendAsync(
            api, id, new { x = "y\u00e9" }, ("from", new { email = "a@shop.test", name = "{{x}}" }), ("headers", new Dictionary<string, string> { ["X-A"] = "{{x}}" }), ("tags", new[] { "{{x}}" }));

        var message = Assert.Single(api.Stores.Queue.Accepted);
        Assert.Equal(("{{x}}", "{{x}}"), (Parse(message).From.Mailboxes.Single().Name, Parse(message).Headers["X-A"]));
        Assert.Equal(["{{x}}"], message.Tags);
    }

    [Fact]
    public async Task A_variable_that_is_missing_is_nothing_unless_the_template_is_strict()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var lenient = await MakeAsync(api, text: "Hello {{name}}!");
        var strict = (await api.PostAsync("/templates", """{ "name": "a", "text": "Go to {{links.reset}}{{#if note}}: {{note}}{{/if}}", "strict": true }""")).String("id");

        await SendAsync(api, lenient, new { });
        (await SendAsync(api, strict, new { links = new { } })).Names(HttpStatusCode.UnprocessableEntity, "variables", "links.reset");
        await SendAsync(api, strict, new { links = new { reset = "there" } });

        Assert.Equal(["Hello !", "Go to there"], api.Stores.Queue.Accepted.Select(message => Parse(message).TextBody!.TrimEnd()));
    }

    [Fact]
    public async Task A_template_that_takes_or_writes_too_much_is_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, text: "{{#each a}}{{#each ../a}}{{#each ../../a}}{{/each}}{{/each}}{{/each}}");
        var large = await MakeAsync(api, html: "{{#each a}}0123456789{{/each}}{{#each a}}{{{@root.long}}}{{/each}}");

        (await SendAsync(api, id, new { a = Enumerable.Range(0, 1_000) })).Names(HttpStatusCode.UnprocessableEntity, "template", "steps");
        (await SendAsync(api, large, new { a = Enumerable.Range(0, 1_000), @long = new string('x', 10_000) })).Names(HttpStatusCode.UnprocessableEntity, "template", "becomes longer");
    }

    [Fact]
    public async Task A_change_counts_from_the_next_mail_on_and_what_was_accepted_stays()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, text: "one");

        await SendAsync(api, id, new { });
        await api.PutAsync($"/templates/{id}", """{ "name": "a", "text": "two" }""");
        await SendAsync(api, id, new { });
        await api.DeleteAsync($"/templates/{id}");

        (await SendAsync(api, id, new { })).Names(HttpStatusCode.UnprocessableEntity, "template");
        Assert.Equal(["one", "two"], api.Stores.Queue.Accepted.Select(message => Parse(message).TextBody!.TrimEnd()));
    }

    [Fact]
    public async Task It_is_read_once_for_many_mails()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, text: "one");
        var before = api.Stores.Templates.LookUps;

        for (var i = 0; i < 5; i++)
        {
            await SendAsync(api, id, new { });
        }

        Assert.Equal(before + 1, api.Stores.Templates.LookUps);
    }

    [Fact]
    public async Task A_repeated_request_gets_the_first_answer_whatever_became_of_the_template()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var id = await MakeAsync(api, text: "one");
        var body = $$"""{ "from": "a@shop.test", "to": "b@there.test", "template": "{{id}}" }""";

        var first = await api.SendAsync(body, ("Idempotency-Key", "order-1"));
        await api.PutAsync($"/templates/{id}", """{ "name": "a", "text": "two" }""");
        var second = await api.SendAsync(body, ("Idempotency-Key", "order-1"));
        await api.DeleteAsync($"/templates/{id}");
        var third = await api.SendAsync(body, ("Idempotency-Key", "order-1"));

        Assert.Equal((first.Text, first.Text), (second.Text, third.Text));
        Assert.Equal("true", third.Headers["Idempotent-Replayed"]);
        (await api.SendAsync(body, ("Idempotency-Key", "order-2"))).Names(HttpStatusCode.UnprocessableEntity, "template");
        Assert.Single(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task One_that_was_kept_and_is_none_any_more_is_named()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var now = api.Stores.Time.GetUtcNow();
        await api.Stores.Templates.TryAddAsync(
            new MailTemplate { Id = "tmpl_1", Account = "shop", Name = "a", Version = 1, Text = "{{#if", CreatedAt = now, ChangedAt = now, By = "key" }, Cancellation);

        (await SendAsync(api, "tmpl_1", new { })).Names(HttpStatusCode.UnprocessableEntity, "text", "is wrong in line 1, column 1");
    }

    private static async Task<string> MakeAsync(ApiUnderTest api, string? subject = null, string? text = null, string? html = null)
    {
        var made = await api.PostAsync("/templates", JsonSerializer.Serialize(new { name = "a", subject, text, html }));
        Assert.Equal(HttpStatusCode.Created, made.Status);
        return made.String("id");
    }

    private static Task<ApiAnswer> SendAsync(ApiUnderTest api, string template, object variables, params (string Name, object Value)[] more)
    {
        var mail = new Dictionary<string, object?> { ["from"] = "a@shop.test", ["to"] = "b@there.test", ["template"] = template, ["variables"] = variables };
        foreach (var (name, value) in more)
        {
            mail[name] = value;
        }

        return api.SendAsync(JsonSerializer.Serialize(mail));
    }

    private static MimeMessage Parse(Message message) =>
        MimeMessage.Load(new MemoryStream([.. message.Content.Prologue.Span, .. message.Content.Head.Span]), Cancellation);
}
