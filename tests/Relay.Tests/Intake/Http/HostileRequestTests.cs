using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Intake.Http.Json;

namespace Relay.Tests.Intake.Http;

public sealed class HostileRequestTests
{
    public static TheoryData<string> Breaks => ["\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\0", "\u0085", "\u2028", "\u2029", "\u001b", "=?utf-8?q?=0D=0AX-Evil:_1?="];

    [Theory]
    [MemberData(nameof(Breaks))]
    public async Task Nothing_that_could_end_a_line_gets_into_a_header(string evil)
    {
        await using var api = await ApiUnderTest.StartAsync();
        static object File(string name, string? id = null) => new { filename = name, content = "", contentId = id };
        var cases = new (string Member, object Value, string Field)[]
        {
            ("subject", $"Hi{evil}", "subject"),
            ("from", new { email = "a@shop.test", name = $"A{evil}" }, "from"),
            ("from", $"A{evil} <a@shop.test>", "from"),
            ("from", $"a{evil}@shop.test", "from"),
            ("from", $"a@shop.test{evil}", "from"),
            ("to", $"\"a{evil}\" <a@there.test>", "to"),
            ("cc", new object[] { "a@there.test", new { email = $"b@there.test{evil}" } }, "cc[1]"),
            ("replyTo", new { email = "a@there.test", name = evil }, "replyTo"),
            ("headers", new Dictionary<string, string> { ["X-A"] = $"1{evil}" }, "headers.X-A"),
            ("headers", new Dictionary<string, string> { ["List-Unsubscribe"] = $"<https://shop.test/>{evil}" }, "headers.List-Unsubscribe"),
            ("headers", new Dictionary<string, string> { ["List-Id"] = $"{evil} <news.shop.test>" }, "headers.List-Id"),
            ("attachments", new[] { File($"a{evil}.pdf") }, "attachments[0].filename"),
            ("tags", new[] { "ok", $"a{evil}" }, "tags[1]"),
            ("stream", $"news{evil}", "stream"),
        };

        foreach (var (member, value, field) in cases)
        {
            (await api.SendWithAsync((member, value))).Names(HttpStatusCode.UnprocessableEntity, field);
        }

        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Theory]
    [InlineData("\r\nX-Evil: 1")]
    [InlineData("\n")]
    [InlineData("\r")]
    [InlineData("\0")]
    [InlineData("\\\n")]
    [InlineData("\\\0")]
    [InlineData("\u0085")]
    [InlineData("\u2028")]
    [InlineData("\u2029")]
    [InlineData("=?utf-8?q?=0D=0AX-Evil=3A_1?=")]
    public async Task Quotes_do_not_let_what_could_end_a_line_into_an_address(string evil)
    {
        await using var api = await ApiUnderTest.StartAsync();
        var address = $"\"a{evil}b\"@shop.test";

        foreach (var member in new[] { "from", "to", "cc", "bcc", "replyTo" })
        {
            (await api.SendWithAsync((member, address))).Names(HttpStatusCode.UnprocessableEntity, member);
            (await api.SendWithAsync((member, new { email = address, name = "A" }))).Names(HttpStatusCode.UnprocessableEntity, member);
            (await api.SendWithAsync((member, $"A <{address}>"))).Names(HttpStatusCode.UnprocessableEntity, member);
        }

        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Fact]
    public async Task What_software_could_decode_into_a_line_break_gets_into_no_address_field_name_or_content_id()
    {
        await using var api = await ApiUnderTest.StartAsync();
        const string Word = "=?utf-8?q?=0D=0AEvil?=";
        object file = new { filename = "a", content = "", contentId = Word };

        (await api.SendWithAsync(("to", $"{Word}@there.test"))).Names(HttpStatusCode.UnprocessableEntity, "to");
        (await api.SendWithAsync(("headers", new Dictionary<string, string> { [$"X-{Word}"] = "1" }))).IsProblem(HttpStatusCode.UnprocessableEntity);
        (await api.SendWithAsync(("attachments", new[] { file }))).Names(HttpStatusCode.UnprocessableEntity, "attachments[0].contentId");
        Assert.Empty(api.Stores.Queue.Accepted);
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public async Task Nothing_that_could_end_a_line_gets_into_a_name_or_a_type(string evil)
    {
        await using var api = await ApiUnderTest.StartAsync();
        object file = new { filename = "a", content = "", contentType = $"text/plain{evil}" };

        (await api.SendWithAsync(("attachments", new[] { file }))).Names(HttpStatusCode.UnprocessableEntity, "attachments[0].contentType");
        (await api.SendWithAsync(("headers", new Dictionary<string, string> { [$"X{evil}"] = "1" }))).IsProblem(HttpStatusCode.UnprocessableEntity);
    }

    [Theory]
    [InlineData("\"a\\\r\nb\"@there.test")]
    [InlineData("\"a\nb\"@there.test")]
    [InlineData("a@there.test>\r\nDATA")]
    [InlineData("<a@there.test> <b@there.test>")]
    [InlineData("a b@there.test")]
    [InlineData("@a,@b:u@x.test")]
    [InlineData("u@")]
    [InlineData("u@x y.test")]
    [InlineData("u@[192.0.2.1")]
    public async Task An_address_that_is_more_than_one_is_refused(string address)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendWithAsync(("to", address))).Names(HttpStatusCode.UnprocessableEntity, "to");
        (await api.SendWithAsync(("to", new { email = address }))).Names(HttpStatusCode.UnprocessableEntity, "to");
    }

    [Theory]
    [InlineData("\r\n.\r\n")]
    [InlineData("\n.\n")]
    [InlineData("\r.\r")]
    [InlineData("\n.\r\n")]
    [InlineData("\r\n.\n")]
    [InlineData("\r\n.\r")]
    public async Task The_end_of_a_body_in_a_body_is_a_line_like_any_other(string end)
    {
        await using var api = await ApiUnderTest.StartAsync();

        await api.SendWithAsync(("text", $"a{end}MAIL FROM:<evil@bank.test>{end}"));

        var text = Encoding.ASCII.GetString(Assert.Single(api.Stores.Queue.Accepted).Content.Head.Span);
        Assert.Contains("a\r\n.\r\nMAIL FROM:<evil@bank.test>\r\n.\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', text.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.DoesNotContain('\n', text.Replace("\r\n", "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_NUL_in_a_body_is_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendWithAsync(("text", "a\0b"))).Names(HttpStatusCode.UnprocessableEntity, "text");
        (await api.SendWithAsync(("html", "a\0b"))).Names(HttpStatusCode.UnprocessableEntity, "html");
    }

    [Fact]
    public async Task JSON_a_hundred_thousand_levels_deep_is_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();

        foreach (var member in new[] { "to", "metadata", "attachments" })
        {
            var deep = new StringBuilder("{\"").Append(member).Append("\":");
            for (var i = 0; i < 100_000; i++)
            {
                deep.Append("[");
            }

            var answer = await api.SendAsync(deep.ToString());
            Assert.True(answer.Status is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity);
        }
    }

    [Theory]
    [InlineData(16, HttpStatusCode.UnprocessableEntity)]
    [InlineData(17, HttpStatusCode.UnprocessableEntity)]
    [InlineData(100_000, HttpStatusCode.BadRequest)]
    public async Task Whoever_closes_all_his_brackets_is_refused_as_well(int levels, HttpStatusCode status)
    {
        await using var api = await ApiUnderTest.StartAsync();

        var answer = await api.SendAsync($$"""{ "from": "a@shop.test", "text": "x", "to": {{new string('[', levels - 1)}}{{new string(']', levels - 1)}} }""");

        answer.IsProblem(status);
    }

    [Fact]
    public void Whatever_reads_a_body_reads_it_sixteen_levels_deep_and_no_deeper()
    {
        Read(16);
        Assert.ThrowsAny<JsonException>(() => Read(17));

        static void Read(int levels)
        {
            var reader = new Utf8JsonReader(
                Encoding.UTF8.GetBytes(new string('[', levels) + new string(']', levels)), new JsonReaderOptions { MaxDepth = ApiJson.Default.Options.MaxDepth });
            reader.Skip();
            while (reader.Read())
            {
            }
        }
    }

    [Fact]
    public async Task A_million_recipients_are_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var many = new StringBuilder("{\"from\":\"a@shop.test\",\"to\":[\"a@b.test\"");
        for (var i = 0; i < 1_000_000; i++)
        {
            many.Append(",\"a@b.test\"");
        }

        (await api.SendAsync(many.Append("]}").ToString())).Names(HttpStatusCode.UnprocessableEntity, "to");
    }

    [Fact]
    public async Task Headers_without_number_and_without_end_are_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.SendWithAsync(("headers", Enumerable.Range(0, 100_000).ToDictionary(i => $"X-{i}", i => "1")))).Names(HttpStatusCode.UnprocessableEntity, "headers");
        (await api.SendWithAsync(("headers", new Dictionary<string, string> { ["X-A"] = new string('x', 1_000_000) }))).Names(HttpStatusCode.UnprocessableEntity, "headers.X-A");
        (await api.SendWithAsync(("headers", new Dictionary<string, string> { ["X-A"] = new string('x', 900) }))).Names(HttpStatusCode.UnprocessableEntity, "headers.X-A");
        (await api.SendWithAsync(("subject", new string('x', 1_000_000)))).Names(HttpStatusCode.UnprocessableEntity, "subject");
        (await api.SendWithAsync(("tags", Enumerable.Repeat("x", 100_000)))).Names(HttpStatusCode.UnprocessableEntity, "tags");
        (await api.SendWithAsync(("attachments", Enumerable.Repeat(new { filename = "a", content = "" }, 100_000)))).Names(HttpStatusCode.UnprocessableEntity, "attachments");
    }

    [Fact]
    public async Task A_header_of_a_thousand_long_names_still_fits_or_is_refused()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var to = Enumerable.Range(0, 1_000).Select(i => new { email = $"u{i}@there.test", name = new string('ü', 500) });

        var answer = await api.SendWithAsync(("to", to));

        answer.IsProblem(HttpStatusCode.UnprocessableEntity);
        Assert.Equal(0, api.Stores.Contents.Count);
    }

    [Fact]
    public async Task A_body_or_a_message_above_the_limit_is_too_large()
    {
        await using var api = await ApiUnderTest.StartAsync(("Submission:MaxMessageBytes", "65536"));
        static object File(int length) => new { filename = "a", content = new byte[length] };

        (await api.SendWithAsync(("attachments", new[] { File(70_000) }))).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        (await api.SendWithAsync(("attachments", new[] { File(2_000_000) }))).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        (await api.PostAsync("/keys", JsonSerializer.Serialize(new { name = new string('x', 100_000) }))).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        Assert.Equal(HttpStatusCode.Accepted, (await api.SendWithAsync(("attachments", new[] { File(40_000) }))).Status);
    }
}
