using System.Text;
using System.Text.Json;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using Relay.ScenarioTests.Harness;
using Relay.TestKit;

namespace Relay.ScenarioTests.Clients;

/// <summary>The programs people point at a relay, as they come, against each kind of listener. All share one relay.</summary>
public sealed class ClientTests(ClientTests.SharedRelay shared) : IClassFixture<ClientTests.SharedRelay>
{
    private const string Mail = "From: Shop <shop@example.com>\r\nTo: ada@example.com\r\nSubject: {0}\r\n\r\nHello Ada,\r\n.a line that begins with a dot\r\n";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private RelayUnderTest Relay => shared.Relay;

    [Theory]
    [InlineData("PLAIN")]
    [InlineData("LOGIN")]
    public async Task Swaks_over_starttls(string mechanism)
    {
        var swaks = RealParts.Require("swaks");
        var subject = $"swaks {mechanism}";

        var ended = await ChildProcess.RunAsync(
            swaks,
            ["--server", "127.0.0.1", "--port", $"{Relay.StartTlsPort}", "--tls", "--auth", mechanism, "--auth-user", "anyone", "--auth-password", shared.TestKey,
             "--from", "shop@example.com", "--to", "ada@example.com", "--header", $"Subject: {subject}", "--body", "Hello Ada"],
            Cancellation);

        Assert.Contains("250 2.0.0 Ok: queued as ", ended.Succeeded().Output, StringComparison.Ordinal);
        await ArrivedAsync(subject);
    }

    [Theory]
    [InlineData("smtp", "None")]
    [InlineData("smtp", "StartTls")]
    [InlineData("smtps", "Implicit")]
    public async Task Curl(string scheme, string listener)
    {
        var curl = RealParts.Require("curl");
        var subject = $"curl {listener}";
        var port = listener switch { "None" => Relay.PlainPort, "StartTls" => Relay.StartTlsPort, _ => Relay.ImplicitTlsPort };
        string[] security = listener == "StartTls" ? ["--ssl-reqd", "--insecure"] : ["--insecure"];

        (await ChildProcess.RunAsync(
            curl,
            ["--silent", "--show-error", $"{scheme}://127.0.0.1:{port}", .. security, "--user", $"anyone:{shared.TestKey}",
             "--mail-from", "shop@example.com", "--mail-rcpt", "ada@example.com", "--upload-file", "-"],
            Cancellation,
            input: MailWith(subject))).Succeeded();

        await ArrivedAsync(subject);
    }

    [Fact]
    public async Task Msmtp_over_starttls()
    {
        var msmtp = RealParts.Require("msmtp");

        (await ChildProcess.RunAsync(
            msmtp,
            ["--file=/dev/null", "--host=127.0.0.1", $"--port={Relay.StartTlsPort}", "--tls=on", "--tls-starttls=on", "--tls-certcheck=off",
             "--auth=plain", "--user=anyone", $"--passwordeval=echo {shared.TestKey}", "--from=shop@example.com", "ada@example.com"],
            Cancellation,
            input: MailWith("msmtp").ReplaceLineEndings("\n"))).Succeeded();

        await ArrivedAsync("msmtp");
    }

    [Fact]
    public async Task Python_smtplib_over_implicit_tls()
    {
        var python = RealParts.Require("python3");
        const string script = """
            import smtplib, ssl, sys
            port, key = int(sys.argv[1]), sys.argv[2]
            unverified = ssl._create_unverified_context()
            with smtplib.SMTP_SSL("127.0.0.1", port, context=unverified) as relay:
                relay.login("anyone", key)
                relay.sendmail("shop@example.com", ["ada@example.com"], sys.stdin.read())
            """;

        (await ChildProcess.RunAsync(
            python, ["-c", script, $"{Relay.ImplicitTlsPort}", shared.TestKey], Cancellation, input: MailWith("smtplib").ReplaceLineEndings("\n"))).Succeeded();

        await ArrivedAsync("smtplib");
    }

    [Fact]
    public async Task A_session_as_Odoo_opens_it_tests_the_connection_and_sends_several_from_an_alias()
    {
        var python = RealParts.Require("python3");

        // As its ir_mail_server does: one session for a batch, the alias for bounces as envelope sender, the ids of its own.
        const string Script = """
            import smtplib, ssl, sys
            from email.message import EmailMessage
            port, key = int(sys.argv[1]), sys.argv[2]
            def session():
                connection = smtplib.SMTP("127.0.0.1", port, timeout=60)
                connection.starttls(context=ssl._create_unverified_context())
                connection.login("odoo", key)
                connection.ehlo_or_helo_if_needed()
                return connection
            test = session()
            assert int(test.esmtp_features["size"]) > 1000000
            assert test.mail("noreply@shop.example")[0] == 250
            assert test.rcpt("noreply@odoo.com")[0] in (250, 251)
            test.putcmd("data")
            assert test.getreply()[0] == 354
            test.close()
            connection = session()
            for number in range(3):
                mail = EmailMessage()
                mail["From"], mail["To"], mail["Subject"] = "Käthe <sales@shop.example>", "ada@example.com", f"Odoo {number}"
                mail["Message-Id"] = f"<4711.{number}-openerp-7-sale.order@odoo>"
                mail.set_content("Grüße")
                assert connection.send_message(mail, from_addr="bounce+7-sale.order@shop.example", to_addrs=["ada@example.com"]) == {}
            connection.quit()
            """;

        (await ChildProcess.RunAsync(python, ["-c", Script, $"{Relay.StartTlsPort}", shared.TestKey], Cancellation)).Succeeded();

        for (var number = 0; number < 3; number++)
        {
            var id = $"Message-Id: <4711.{number}-openerp-7-sale.order@odoo>";
            await ArrivedAsync($"Odoo {number}", raw => Assert.Contains(id, raw, StringComparison.OrdinalIgnoreCase));
        }
    }

    /// <summary>
    /// What WordPress speaks with, set up as WP Mail SMTP does it: encryption, login by LOGIN, STARTTLS taken wherever it is offered.
    /// With a live key, and with a test key to see what came. One of several recipients is suppressed, and it hears of no failure.
    /// </summary>
    [Theory]
    [InlineData("tls", "StartTls", "LOGIN")]
    [InlineData("ssl", "Implicit", "PLAIN")]
    [InlineData("", "None", "LOGIN")]
    public async Task PHPMailer_as_WordPress_sends_with_it_over_each_kind_of_listener(string encryption, string listener, string mechanism)
    {
        var php = RealParts.Require("php");
        const string Library = "/usr/share/php/libphp-phpmailer/autoload.php";
        RealParts.RequireFile(Library);
        const string Script = """
            require $argv[1];
            $mail = new PHPMailer\PHPMailer\PHPMailer(true);
            $mail->isSMTP();
            [$mail->Host, $mail->Port, $mail->SMTPSecure, $mail->SMTPAutoTLS] = ['127.0.0.1', (int)$argv[2], $argv[3], true];
            [$mail->SMTPAuth, $mail->AuthType, $mail->Username, $mail->Password] = [true, $argv[4], 'wordpress', $argv[5]];
            $mail->SMTPOptions = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true]];
            $mail->CharSet = 'UTF-8';
            $mail->XMailer = 'WPMailSMTP/Mailer/smtp 4.8.0';
            $mail->setFrom('wordpress@shop.example', 'Käthes Laden');
            $mail->addAddress("delivered+ada@$argv[7]", 'Ada Löve');
            $mail->addAddress("gone@$argv[7]");
            $mail->addBCC("delivered+bob@$argv[7]");
            $mail->Subject = $argv[6];
            $mail->msgHTML('<p>' . str_repeat('Größe ', 400) . '</p>');
            $mail->addStringAttachment("a,b\n1,2\n", 'Übersicht.csv');
            $sent = $mail->send();
            echo $sent ? 'sent' : 'failed', ' ', $mail->getSMTPInstance()->getLastTransactionID(), ' ', $mail->ErrorInfo;
            """;
        var port = listener switch { "None" => Relay.PlainPort, "StartTls" => Relay.StartTlsPort, _ => Relay.ImplicitTlsPort };
        var subject = $"Bestellung № 7, {listener}";
        await Relay.PostAsync("/suppressions", new { email = "gone@simulator.test" }, Cancellation);

        foreach (var (key, domain, fate) in ((string, string, string)[])[(Relay.AdminKey!, "simulator.test", "suppressed"), (shared.TestKey, "example.com", "delivered")])
        {
            var ended = (await ChildProcess.RunAsync(php, ["-r", Script, "--", Library, $"{port}", encryption, mechanism, key, subject, domain], Cancellation)).Succeeded();

            // Its own words, and the id that it found in our last ones, as it does in Postfix's.
            var words = ended.Output.Trim().Split(' ');
            Assert.Equal(["sent"], words[..^1]);
            var message = await Relay.WaitForAsync(
                $"/messages/{words[^1]}", m => m.GetProperty("recipients").EnumerateArray().All(r => r.GetProperty("status").GetString() is "delivered" or "suppressed"), Cancellation);
            Assert.Equal(
                [($"delivered+ada@{domain}", "delivered"), ($"gone@{domain}", fate), ($"delivered+bob@{domain}", "delivered")],
                message.GetProperty("recipients").EnumerateArray().Select(r => (r.GetProperty("email").GetString()!, r.GetProperty("status").GetString()!)));
            Assert.Equal(subject, message.GetProperty("subject").GetString());
        }

        await ArrivedAsync(subject, raw =>
        {
            Assert.Contains("X-Mailer: WPMailSMTP", raw, StringComparison.Ordinal);
            Assert.DoesNotContain("+bob@", raw, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task MailKit_sends_many_over_one_connection()
    {
        using var client = new SmtpClient { ServerCertificateValidationCallback = (_, _, _, _) => true };
        await client.ConnectAsync("127.0.0.1", Relay.StartTlsPort, SecureSocketOptions.StartTls, Cancellation);
        await client.AuthenticateAsync("anyone", shared.TestKey, Cancellation);
        for (var i = 0; i < 3; i++)
        {
            using var message = MimeMessage.Load(new MemoryStream(Encoding.ASCII.GetBytes(MailWith($"mailkit {i}"))), Cancellation);
            var answer = await client.SendAsync(message, Cancellation);
            Assert.StartsWith("2.0.0 Ok: queued as ", answer, StringComparison.Ordinal);
        }

        await client.DisconnectAsync(quit: true, Cancellation);
        for (var i = 0; i < 3; i++)
        {
            await ArrivedAsync($"mailkit {i}");
        }
    }

    [Fact]
    public async Task Http_with_an_attachment()
    {
        var sent = await Relay.SendAsync(
            new
            {
                from = "Shop <shop@example.com>",
                to = new[] { "Ada Löve <ada@example.com>" },
                subject = "http ünd mehr",
                text = "Hallo",
                html = "<p>Hallo</p>",
                attachments = new[] { new { filename = "a.txt", content = Convert.ToBase64String("hi"u8), contentType = "text/plain" } },
            },
            Cancellation,
            shared.TestKey);

        Assert.Equal("queued", sent.GetProperty("status").GetString());
        await ArrivedAsync("http ünd mehr", raw => Assert.Contains("a.txt", raw, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_command_line_sends_from_standard_input_and_shows_what_became_of_it()
    {
        var sent = (await Relay.CommandAsync(Cancellation, "Hello from a pipe\n",
            "send", "--from", "shop@example.com", "--to", "ada@example.com", "--subject", "by command", "--header", "X-Shop: 7")).Succeeded();

        var id = sent.Output.Trim();
        Assert.Equal(26, id.Length);
        var shown = (await Relay.CommandAsync(Cancellation, null, "message", "show", id)).Succeeded();
        Assert.Contains("by command", shown.Output, StringComparison.Ordinal);
        Assert.Contains("ada@example.com", shown.Output, StringComparison.Ordinal);
        var json = (await Relay.CommandAsync(Cancellation, null, "message", "show", id, "--json")).Succeeded();
        Assert.Equal(id, JsonElement.Parse(json.Output).GetProperty("id").GetString());
    }

    [Fact]
    public async Task The_command_line_makes_lists_and_revokes_keys()
    {
        var key = (await Relay.CommandAsync(Cancellation, null, "key", "create", "laptop", "--test")).Succeeded().Output.Trim();
        Assert.StartsWith("rk_test_", key, StringComparison.Ordinal);

        var line = (await Relay.CommandAsync(Cancellation, null, "key", "list")).Succeeded().Output.Split('\n').Single(l => l.Contains("\tlaptop\t", StringComparison.Ordinal));
        (await Relay.CommandAsync(Cancellation, null, "key", "revoke", line.Split('\t')[0])).Succeeded();

        using var request = new HttpRequestMessage(HttpMethod.Get, "/messages");
        request.Headers.Authorization = new("Bearer", key);
        using var response = await Relay.Http.SendAsync(request, Cancellation);
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task The_command_line_imports_shows_releases_and_exports_suppressed_addresses()
    {
        var file = Path.Combine(Relay.Folder, "list.csv");
        await File.WriteAllLinesAsync(file, ["email,reason,since", "one@list.test,bounce,2026-01-31T12:00:00Z", "nobody", "two@list.test", "three@list.test,because"], Cancellation);

        var imported = await Relay.CommandAsync(Cancellation, null, "suppression", "import", file);
        Assert.Equal(1, imported.ExitCode);
        Assert.Contains("line 3: email: ", imported.Errors, StringComparison.Ordinal);
        Assert.Contains("line 5: reason: ", imported.Errors, StringComparison.Ordinal);
        Assert.Contains("2 of 5 lines were not understood; the others were taken", imported.Errors, StringComparison.Ordinal);
        Assert.Matches(@"read +5\nadded +2\nknown +0\nrefused +2\n", imported.Output.ReplaceLineEndings("\n"));

        var again = await Relay.CommandAsync(Cancellation, null, "suppression", "import", file, "--json");
        var sum = System.Text.Json.JsonElement.Parse(again.Output);
        Assert.Equal((5, 0, 2, 2), (sum.GetProperty("read").GetInt32(), sum.GetProperty("added").GetInt32(), sum.GetProperty("known").GetInt32(), sum.GetProperty("refused").GetInt32()));
        Assert.Equal([3, 5], sum.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("line").GetInt32()));

        Assert.Contains("bounce", (await Relay.CommandAsync(Cancellation, null, "suppression", "show", "one@list.test")).Succeeded().Output, StringComparison.Ordinal);
        Assert.Contains("one@list.test again", (await Relay.CommandAsync(Cancellation, null, "suppression", "remove", "one@list.test")).Succeeded().Output, StringComparison.Ordinal);
        Assert.Contains("released", (await Relay.CommandAsync(Cancellation, null, "suppression", "show", "one@list.test")).Succeeded().Output, StringComparison.Ordinal);
        var exported = (await Relay.CommandAsync(Cancellation, null, "suppression", "export")).Succeeded().Output;
        Assert.Contains("two@list.test,manual,", exported, StringComparison.Ordinal);
        Assert.DoesNotContain("one@list.test", exported, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_says_which_relay_and_which_key_it_means()
    {
        var nobody = FreePorts.Next();
        var away = await ChildProcess.RunAsync(RelayUnderTest.Program, [.. RelayUnderTest.Arguments, "inbox"], Cancellation,
            environment: new Dictionary<string, string?> { ["RELAY_URL"] = $"http://127.0.0.1:{nobody}", ["RELAY_KEY"] = shared.TestKey });
        Assert.Equal(69, away.ExitCode);
        Assert.Contains($"no relay answers at http://127.0.0.1:{nobody}/", away.Errors, StringComparison.Ordinal);

        var stranger = await ChildProcess.RunAsync(RelayUnderTest.Program, [.. RelayUnderTest.Arguments, "inbox"], Cancellation,
            environment: new Dictionary<string, string?> { ["RELAY_URL"] = $"http://127.0.0.1:{Relay.HttpPort}", ["RELAY_KEY"] = "rk_live_nobody_knows_this_one_at_all" });
        Assert.Equal(77, stranger.ExitCode);
        Assert.Contains("does not know the key rk_live_nobo…", stranger.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("nobody_knows", stranger.Errors, StringComparison.Ordinal);
    }

    private static string MailWith(string subject) => string.Format(System.Globalization.CultureInfo.InvariantCulture, Mail, subject);

    // Found in the inbox of the test key, read back as it would have gone out.
    private async Task ArrivedAsync(string subject, Action<string>? check = null)
    {
        var inbox = await Relay.WaitForAsync("/inbox?limit=100", i => Find(i, subject) is not null, Cancellation, shared.TestKey);
        var id = Find(inbox, subject)!.Value.GetProperty("id").GetString();

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/inbox/{id}/raw");
        request.Headers.Authorization = new("Bearer", shared.TestKey);
        using var response = await Relay.Http.SendAsync(request, Cancellation);
        var raw = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.Contains("\r\nMessage-ID: <", raw, StringComparison.OrdinalIgnoreCase);
        check?.Invoke(raw);
    }

    private static JsonElement? Find(JsonElement inbox, string subject) =>
        inbox.GetProperty("items").EnumerateArray().Where(m => m.GetProperty("subject").GetString() == subject).Select(m => (JsonElement?)m).FirstOrDefault();

    public sealed class SharedRelay : IAsyncLifetime
    {
        internal RelayUnderTest Relay { get; private set; } = null!;

        internal string TestKey { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            Relay = await RelayUnderTest.StartAsync(TestContext.Current.CancellationToken);
            TestKey = await Relay.CreateKeyAsync("test", TestContext.Current.CancellationToken);
        }

        public ValueTask DisposeAsync() => Relay?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
