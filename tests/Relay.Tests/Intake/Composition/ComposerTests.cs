using System.Text;
using CsCheck;
using MimeKit;
using Relay.Intake.Composition;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Intake.Composition;

public sealed class ComposerTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly MessageId Id = MessageId.Create(TimeProvider.System);

    [Fact]
    public void A_letter_reads_back_as_it_was_written()
    {
        var mail = Parse(Write(Letter() with
        {
            To = [Box("a@there.test", "Doe, \"Jane\""), Box("b@there.test")],
            Cc = [Box("c@there.test", "Grüße")],
            ReplyTo = [Box("help@shop.test")],
            Subject = "Ihre Bestellung: Grüße 🎉",
            Text = "Danke.",
            Html = "<p>Danke.</p>",
            Headers = [KeyValuePair.Create("X-Order", "42"), KeyValuePair.Create("References", "<a@b> <c@d>")],
        }));

        Assert.Equal(["Doe, \"Jane\"", ""], mail.To.Mailboxes.Select(box => box.Name ?? ""));
        Assert.Equal(["a@there.test", "b@there.test"], mail.To.Mailboxes.Select(box => box.Address));
        Assert.Equal("Grüße", mail.Cc.Mailboxes.Single().Name);
        Assert.Equal("help@shop.test", mail.ReplyTo.Mailboxes.Single().Address);
        Assert.Equal("Ihre Bestellung: Grüße 🎉", mail.Subject);
        Assert.Equal(Now, mail.Date);
        Assert.Equal($"{Id}@shop.test", mail.MessageId);
        Assert.Equal("42", mail.Headers["X-Order"]);
        Assert.Equal("Danke.", mail.TextBody?.TrimEnd());
        Assert.Equal("<p>Danke.</p>", mail.HtmlBody?.TrimEnd());
        Assert.Equal("1.0", mail.Headers[HeaderId.MimeVersion]);
    }

    [Fact]
    public void Structure_is_as_deep_as_needed_and_no_deeper()
    {
        Attachment[] both = [File("logo.png", "image/png", "logo"), File("bill.pdf", "application/pdf")];

        Assert.Equal("text/plain", Shape(Letter() with { Html = null }));
        Assert.Equal("text/html", Shape(Letter() with { Text = null, Html = "x" }));
        Assert.Equal("multipart/alternative(text/plain,text/html)", Shape(Letter() with { Html = "x" }));
        Assert.Equal("multipart/mixed(text/plain,application/pdf)", Shape(Letter() with { Attachments = [both[1]] }));
        Assert.Equal("multipart/mixed(text/plain,image/png)", Shape(Letter() with { Attachments = [both[0]] }));
        Assert.Equal("multipart/mixed(application/pdf)", Shape(Letter() with { Text = null, Attachments = [both[1]] }));
        Assert.Equal("multipart/related(text/html,image/png)", Shape(Letter() with { Text = null, Html = "x", Attachments = [both[0]] }));
        Assert.Equal(
            "multipart/mixed(multipart/alternative(text/plain,multipart/related(text/html,image/png)),application/pdf)",
            Shape(Letter() with { Html = "x", Attachments = both }));
    }

    [Fact]
    public void An_attachment_keeps_its_octets_its_name_and_its_content_id()
    {
        var octets = Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7)).ToArray();
        const string Name = "Rechnung Größe € 2026 – a very long name that no single parameter line could ever hold in one piece.pdf";
        var mail = Parse(Write(Letter() with
        {
            Html = "<img src=cid:logo@shop>",
            Attachments =
            [
                new Attachment(Name, new ContentType("application", "pdf"), null, octets),
                new Attachment("l\"o;go.png", new ContentType("image", "png"), "logo@shop", octets),
            ],
        }));

        var parts = mail.BodyParts.OfType<MimePart>().Where(part => part.FileName is not null).ToList();
        Assert.Equal(["l\"o;go.png", Name], parts.Select(part => part.FileName!));
        Assert.Equal("logo@shop", parts[0].ContentId);
        Assert.False(parts[0].IsAttachment);
        Assert.True(parts[1].IsAttachment);
        Assert.All(parts, part => Assert.Equal(octets, Decode(part)));
    }

    [Fact]
    public void The_octets_are_fit_for_any_server()
    {
        var content = Write(Letter() with
        {
            Subject = string.Concat(Enumerable.Repeat("Größe ", 150)),
            To = [.. Enumerable.Range(0, 200).Select(i => Box($"user{i}@there.test", $"Nutzer Größe {i}"))],
            Text = new string('x', 5_000) + "\rone\ntwo\r\nthree ü\r\n.\r\n",
            Html = "<table>" + new string('y', 200_000) + "</table>",
            Headers = [KeyValuePair.Create("X-Words", string.Join(' ', Enumerable.Repeat("word", 1_000)))],
        });

        var text = Encoding.ASCII.GetString(content);
        Assert.True(Ascii.IsValid(content));
        Assert.DoesNotContain('\r', text.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.DoesNotContain('\n', text.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.All(text.Split("\r\n"), line => Assert.True(line.Length <= 998, $"{line.Length} octets"));
        Assert.EndsWith("\r\n", text, StringComparison.Ordinal);
        Assert.StartsWith(new string('x', 5_000) + "\none\ntwo\nthree ü\n.\n", Parse(content).TextBody?.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_internationalised_domain_needs_no_extension_and_a_local_part_does()
    {
        var domain = Letter() with { To = [Box("info@bücher.test")] };
        var localPart = Letter() with { To = [Box("grün@bücher.test", "Grün")], Subject = "Grüße" };

        Assert.False(domain.NeedsSmtpUtf8);
        Assert.Contains("info@xn--bcher-kva.test", Encoding.UTF8.GetString(Write(domain)), StringComparison.Ordinal);
        Assert.True(Ascii.IsValid(Write(domain)));
        Assert.True(localPart.NeedsSmtpUtf8);
        Assert.Contains("grün@", Encoding.UTF8.GetString(Write(localPart)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_quoted_local_part_stays_quoted()
    {
        var mail = Encoding.ASCII.GetString(Write(Letter() with { To = [Box("\"a b\"@there.test", "A")] }));

        Assert.Contains("<\"a b\"@there.test>", mail, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_the_words_one_field_stays_one_field()
    {
        var line = Gen.String.Where(text => text.Length > 0 && PlainText.IsOneLine(text) && IsWellFormed(text));

        Gen.Select(line, line, line).Sample((subject, name, value) =>
        {
            var letter = Letter() with { Subject = subject, To = [Box("a@there.test", name)], Headers = [KeyValuePair.Create("X-Custom", value)] };
            var plain = Parse(Write(Letter() with { To = [Box("a@there.test")], Headers = [KeyValuePair.Create("X-Custom", "x")] }));
            var mail = Parse(Write(letter));
            return mail.Headers.Select(header => header.Field).Order().SequenceEqual(plain.Headers.Select(header => header.Field).Order());
        });
    }

    private static bool IsWellFormed(string text) => !Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Contains('\ufffd', StringComparison.Ordinal);

    private static Letter Letter() => new() { From = Box("orders@shop.test", "Shop"), To = [Box("a@there.test")], Subject = "Hi", Text = "text" };

    private static Mailbox Box(string address, string name = "") => new(EnvelopeAddress.Parse(address), name);

    private static Attachment File(string name, string type, string? contentId = null) => new(name, ContentType.Parse(type), contentId, [1, 2, 3]);

    private static byte[] Write(Letter letter) => Composer.Write(letter, Id, Now);

    private static MimeMessage Parse(byte[] content) => MimeMessage.Load(new MemoryStream(content));

    private static string Shape(Letter letter) => Shape(Parse(Write(letter)).Body!);

    private static string Shape(MimeEntity entity) => entity is Multipart parts
        ? $"{entity.ContentType.MimeType}({string.Join(',', parts.Select(Shape))})"
        : entity.ContentType.MimeType;

    private static byte[] Decode(MimePart part)
    {
        using var stream = new MemoryStream();
        part.Content!.DecodeTo(stream, TestContext.Current.CancellationToken);
        return stream.ToArray();
    }
}
