using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Http;

public sealed class BatchTests
{
    private static readonly (string, string) Key = ("Idempotency-Key", "batch-1");

    [Fact]
    public async Task Each_mail_has_its_answer_in_their_order_and_one_that_is_wrong_is_so_alone()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var template = (await api.PostAsync("/templates", """{ "name": "a", "text": "Hi {{name}}" }""")).String("id");

        var answer = await api.PostAsync("/send/batch", $$"""
            [ { "from": "a@shop.test", "to": "one@there.test", "subject": "1", "text": "x" },
              { "from": "a@shop.test", "to": "nobody", "class": "fast", "text": "x" },
              { "from": "a@bank.test", "to": "two@there.test", "text": "x" },
              { "from": "a@shop.test", "to": 5 },
              { "from": "a@shop.test", "from": "b@shop.test" },
              { "from": "a@shop.test", "bbc": "x@there.test" },
              null, 7, [],
              { "from": "a@shop.test", "to": "three@there.test", "template": "{{template}}", "variables": { "name": "Ada" } } ]
            """);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var items = Items(answer);
        Assert.Equal([202, 422, 403, 422, 400, 400, 400, 400, 400, 202], items.Select(item => item.GetProperty("status").GetInt32()));
        Assert.Equal([[], ["class", "to"], ["from"], ["to"], ["from"], ["bbc"], [], [], [], []], items.Select(FieldsOf));
        Assert.Equal(["one@there.test", "three@there.test"], api.Stores.Queue.Accepted.Select(message => message.Envelope.Recipients.Single().Address.Text));
        Assert.Equal(
            api.Stores.Queue.Accepted.Select(message => message.Id.ToString()), new[] { items[0], items[9] }.Select(item => item.GetProperty("message").GetProperty("id").GetString()));
        Assert.Equal("one@there.test", items[0].GetProperty("message").GetProperty("recipients")[0].GetProperty("email").GetString());
    }

    [Fact]
    public async Task Mails_that_take_long_to_write_do_not_take_it_five_hundred_times()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var template = (await api.PostAsync("/templates", """{ "name": "a", "text": "{{#each a}}{{#each @root.a}}{{/each}}{{/each}}" }""")).String("id");
        // Nearly as many steps as a mail may have.
        var mail = JsonSerializer.Serialize(new { from = "a@shop.test", to = "b@there.test", template, variables = new { a = Enumerable.Range(0, 400) } });

        var items = Items(await api.PostAsync("/send/batch", $"[{string.Join(',', Enumerable.Repeat(mail, 60))}]"));

        var taken = items.Count(item => item.GetProperty("status").GetInt32() == 202);
        Assert.InRange(taken, 8, 20);
        Assert.All(items.Where(item => item.GetProperty("status").GetInt32() != 202), item => Assert.Contains(
            "send it in another batch", item.GetProperty("problem").GetProperty("detail").GetString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_all_are_taken_the_answer_says_so()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync("/send/batch", Mails(120));

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(Enumerable.Range(0, 120).Select(i => $"u{i}@there.test"), Items(answer).Select(RecipientOf));
        Assert.Equal(120, api.Stores.Queue.Accepted.Select(message => message.Id).Distinct().Count());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    public async Task What_is_no_list_of_mails_is_refused(string body)
    {
        await using var api = await ApiUnderTest.StartAsync();

        Assert.Contains("the body", (await api.PostAsync("/send/batch", body)).IsProblem(HttpStatusCode.UnprocessableEntity).String("detail"), StringComparison.Ordinal);
        (await api.PostAsync("/send/batch", "[{")).IsProblem(HttpStatusCode.BadRequest);
        (await api.PostAsync("/send/batch", "null")).IsProblem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Space_around_mails_and_a_byte_order_mark_before_them_mean_nothing()
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.PostAsync("/send/batch", $"\ufeff \r\n[\t{Mails(1)[1..^1]}  ,\n {Mails(1)[1..^1]}\n]\n");

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(2, api.Stores.Queue.Accepted.Count);
        (await api.PostAsync("/send/batch", Mails(1) + "x")).IsProblem(HttpStatusCode.BadRequest);
    }

    [Fact]
    public void A_body_of_many_values_is_not_taken_apart_before_their_turn()
    {
        var body = Encoding.UTF8.GetBytes($"[ [{string.Join(',', Enumerable.Repeat('0', 2_000_000))}] ]");
        var before = GC.GetAllocatedBytesForCurrentThread();

        var batch = JsonSerializer.Deserialize(body, ApiJson.Default.BatchRequest)!;

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, body.Length / 2);
        Assert.Equal([2..^2], batch.Mails.Select(mail => mail.Start.Value..^(body.Length - mail.End.Value)));
    }

    [Fact]
    public async Task Number_and_size_have_an_end()
    {
        await using var api = await ApiUnderTest.StartAsync();

        Assert.Contains("more than 500 messages", (await api.PostAsync("/send/batch", Mails(501))).IsProblem(HttpStatusCode.UnprocessableEntity).String("detail"), StringComparison.Ordinal);
        (await api.PostAsync("/send/batch", $$"""[{ "text": "{{new string('x', 65 * 1024 * 1024)}}" }]""")).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task A_quota_counts_them_singly_and_the_first_ones_get_what_is_left()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PutAsync("/accounts/shop/limits", """{ "perDay": 3 }""", ApiUnderTest.AdminKey);

        var answer = await api.PostAsync("/send/batch", Mails(5));

        Assert.Equal([202, 202, 202, 429, 429], Items(answer).Select(item => item.GetProperty("status").GetInt32()));
        Assert.Equal("day", Items(answer)[4].GetProperty("problem").GetProperty("limit").GetProperty("per").GetString());
        Assert.Equal(3, api.Stores.Queue.Accepted.Count);
    }

    [Fact]
    public async Task A_repeated_batch_gets_the_first_answer()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var body = Mails(3)[..^1] + """, { "from": "a@shop.test" } ]""";

        var first = await api.PostAsync("/send/batch", body, null, Key);
        var second = await api.PostAsync("/send/batch", body, null, Key);

        Assert.Equal((HttpStatusCode.OK, first.Text, "true"), (second.Status, second.Text, second.Headers["Idempotent-Replayed"]));
        Assert.Equal(3, api.Stores.Queue.Accepted.Count);
        (await api.PostAsync("/send/batch", Mails(4), null, Key)).Names(HttpStatusCode.UnprocessableEntity, "Idempotency-Key");
    }

    [Fact]
    public async Task What_failed_for_now_is_tried_again_by_a_repetition_and_what_was_taken_is_not()
    {
        await using var api = await ApiUnderTest.StartAsync();
        await api.PutAsync("/accounts/shop/limits", """{ "perDay": 2 }""", ApiUnderTest.AdminKey);

        var first = await api.PostAsync("/send/batch", Mails(4), null, Key);
        await api.PutAsync("/accounts/shop/limits", "{}", ApiUnderTest.AdminKey);
        var second = await api.PostAsync("/send/batch", Mails(4), null, Key);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Accepted), (first.Status, second.Status));
        Assert.Equal(IdsOf(first), IdsOf(second).Take(2));
        Assert.Equal(4, api.Stores.Queue.Accepted.Select(message => message.Id.ToString()).Intersect(IdsOf(second)).Count());
        Assert.Equal(4, api.Stores.Queue.Accepted.Count);
    }

    [Fact]
    public async Task A_batch_whose_answer_a_crash_took_is_not_sent_twice()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var first = await api.PostAsync("/send/batch", Mails(3), null, Key);

        // The answer is kept behind the mails: here it never came to that.
        api.Stores.Answers.Clear();
        var second = await api.PostAsync("/send/batch", Mails(3), null, Key);

        Assert.Equal(first.Text, second.Text);
        Assert.Equal(3, api.Stores.Queue.Accepted.Count);
    }

    [Fact]
    public async Task A_store_that_is_away_is_told_of_each_mail()
    {
        await using var api = await ApiUnderTest.StartAsync();
        api.Stores.Queue.Refusal = new EnqueueResult.StoreUnavailable("away");

        var answer = await api.PostAsync("/send/batch", Mails(2));

        Assert.Equal([503, 503], Items(answer).Select(item => item.GetProperty("status").GetInt32()));
        (await api.PostAsync("/send/batch", Mails(2), await api.KeyAsync("shop", MessageMode.Live, CredentialScope.Read))).IsProblem(HttpStatusCode.Forbidden);
    }

    private static string Mails(int count) => JsonSerializer.Serialize(
        Enumerable.Range(0, count).Select(i => new { from = "a@shop.test", to = $"u{i}@there.test", subject = $"{i}", text = "x" }));

    private static List<JsonElement> Items(ApiAnswer answer) => [.. answer.Json.GetProperty("items").EnumerateArray()];

    private static IEnumerable<string?> IdsOf(ApiAnswer answer) =>
        Items(answer).Where(item => item.TryGetProperty("message", out _)).Select(item => item.GetProperty("message").GetProperty("id").GetString());

    private static string? RecipientOf(JsonElement item) => item.GetProperty("message").GetProperty("recipients")[0].GetProperty("email").GetString();

    private static string[] FieldsOf(JsonElement item) =>
        item.TryGetProperty("problem", out var problem) && problem.TryGetProperty("errors", out var errors)
            ? [.. errors.EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal)]
            : [];
}
