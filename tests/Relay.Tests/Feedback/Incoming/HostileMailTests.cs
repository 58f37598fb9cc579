using System.Text;
using Relay.Feedback.Incoming;

namespace Relay.Tests.Feedback.Incoming;

/// <summary>What arrives at a return path can be sent by anybody. Each of these ends with a value, soon and in little memory.</summary>
public sealed class HostileMailTests
{
    private const int Timeout = 60_000;

    private const string Head = "From: MAILER-DAEMON@mx.example.com\r\nTo: shop@example.com\r\nSubject: Undelivered Mail\r\n";

    // For one message, whatever its size: the octets looked at, their text, and what parsers make of both.
    private const long MaxAllocated = 256L * 1024 * 1024;

    private static readonly Dictionary<string, Func<string>> Attacks = new()
    {
        ["multiparts ten thousand deep"] = () =>
            Head + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"Content-Type: multipart/mixed; boundary=\"b{i}\"\r\n\r\n--b{i}\r\n")) + "Content-Type: text/plain\r\n\r\n<ada@example.net>: unknown user\r\n",
        ["messages in messages ten thousand deep"] = () => Head + Many(10_000, "Content-Type: message/rfc822\r\n\r\n"),
        ["a hundred thousand parts"] = () => Head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + Many(100_000, "--b\r\n\r\nx\r\n"),
        ["a header without end"] = () => Head + string.Concat(Enumerable.Range(0, 100_000).Select(i => $"X-{i}: y\r\n")),
        ["a header line without end"] = () => Head + "X-Long: " + new string('y', 2_000_000),
        ["a folded header without end"] = () => Head + "References: <a@b>" + Many(200_000, "\r\n <a@b>"),
        ["a recipient field without end"] = () => "To: " + Many(100_000, "a@b.example, ") + "\r\n" + Head + "\r\nundeliverable",
        ["a line of text without end"] = () => Head + "\r\n" + Many(100_000, "ada@example.net "),
        ["nothing but at signs"] = () => Head + "\r\nundeliverable to " + new string('@', 1_000_000),
        ["nothing but quotes and at signs"] = () => Head + "\r\nundeliverable to " + Many(200_000, "\"\"@x "),
        ["nothing but angle brackets"] = () => Head + "Content-Type: text/html\r\n\r\n" + new string('<', 1_000_000),
        ["tags without end"] = () => Head + "Content-Type: text/html\r\n\r\n" + Many(90_000, "<style><p>"),
        ["a transcript without end"] = () =>
            Head + "\r\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $">>> RCPT To:<u{i}@example.net>\r\n<<< 550 no\r\n550 <u{i}@example.net>... User unknown\r\n")),
        ["recipients without end"] = () =>
            Head + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            + string.Concat(Enumerable.Range(0, 5_000).Select(i => $"<u{i}@example.net>: user unknown\r\n\r\n"))
            + "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\n"
            + string.Concat(Enumerable.Range(0, 15_000).Select(i => $"Final-Recipient: rfc822;u{i}@example.net\r\nAction: failed\r\n\r\n")),
        ["complaints without end"] = () =>
            Head + "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
            + string.Concat(Enumerable.Range(0, 40_000).Select(i => $"Original-Rcpt-To: u{i}@x.example\r\n")),
        ["brackets of JSON without end"] = () => Head + "\r\n{\"notificationType\":" + new string('[', 500_000),
        ["an unknown charset and octets that fit none"] = () =>
            Head + "Content-Type: text/plain; charset=\"\0nonsense\u00FF\"\r\n\r\nundeliverable \u00FF\u00FE\u00C3\u0028\u001b$B\u0081\u00ff <ada@example.net>: unknown user\r\n",
        ["utf-7"] = () => InCharset("utf-7"),
        ["utf-16"] = () => InCharset("utf-16"),
        ["utf-32"] = () => InCharset("utf-32"),
        ["iso-2022-kr"] = () => InCharset("iso-2022-kr"),
        ["hz-gb-2312"] = () => InCharset("hz-gb-2312"),
        ["x-user-defined"] = () => InCharset("x-user-defined"),
        ["a charset without a name"] = () => InCharset(""),
        ["encoded words and parameters that never close"] = () =>
            "Subject: " + Many(50_000, "=?utf-8?B?") + "\r\nContent-Type: text/plain; charset*0*=\"" + new string('%', 50_000) + "\r\n" + Head + "\r\nx",
        ["base64 that is none"] = () => Head + "Content-Transfer-Encoding: base64\r\n\r\n!!!=" + new string('=', 10_000),
        ["quoted-printable that is none"] = () => Head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n=ZZ" + new string('=', 10_000),
    };

    [Fact(Timeout = Timeout)]
    public async Task A_hundred_megabytes_are_not_read()
    {
        using var endless = new EndlessMail(Head + "\r\n<ada@example.net>: unknown user\r\n\r\n", "Received: x\r\n", 100 * 1024 * 1024);

        var report = await ReportReader.ReadAsync(endless, TestContext.Current.CancellationToken);

        Assert.Equal(ReportKind.Bounce, report.Kind);
        Assert.InRange(endless.Taken, 1, ReportReader.MaxOctets);
    }

    public static TheoryData<string> Names => [.. Attacks.Keys.Order(StringComparer.Ordinal)];

    [Theory(Timeout = Timeout)]
    [MemberData(nameof(Names))]
    public async Task Ends_with_a_value(string attack)
    {
        var octets = Encoding.Latin1.GetBytes(Attacks[attack]());

        // On a thread of its own, so that its allocations can be told from others'.
        var allocated = await Task.Run(
            () =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                ReportReader.Read(octets);
                return GC.GetAllocatedBytesForCurrentThread() - before;
            },
            TestContext.Current.CancellationToken);

        Assert.InRange(allocated, 0, MaxAllocated);
    }

    [Fact]
    public void Lines_that_end_with_CR_alone_are_lines()
    {
        var report = ReportReader.Read(Encoding.Latin1.GetBytes((Head + "\r\n<ada@example.net>:\r\nunknown user\r\n").Replace("\r\n", "\r")));

        Assert.Equal("ada@example.net", Assert.Single(report.Recipients).Address);
    }

    [Fact]
    public void NULs_hide_nothing()
    {
        var report = ReportReader.Read(Encoding.Latin1.GetBytes(Head + "X-Nul: a\0b\r\n\r\n\0<ada@example.net>:\r\nunknown\0user\r\n"));

        Assert.Equal("ada@example.net", Assert.Single(report.Recipients).Address);
    }

    [Fact]
    public void No_line_end_at_all_is_no_reason_to_fail()
    {
        Assert.Equal(ReportKind.Other, ReportReader.Read(Encoding.Latin1.GetBytes("Subject hello ada@example.net")).Kind);
    }

    private static string Many(int count, string text) => string.Concat(Enumerable.Repeat(text, count));

    private static string InCharset(string charset) =>
        Head + $"Content-Type: text/plain; charset=\"{charset}\"\r\n\r\nundeliverable \u00FF\u00FE\u00C3\u0028 ~{{ +AD <ada@example.net>: unknown user\r\n";

    private sealed class EndlessMail(string head, string line, long length) : Stream
    {
        private readonly byte[] _head = Encoding.ASCII.GetBytes(head);
        private readonly byte[] _line = Encoding.ASCII.GetBytes(line);

        public long Taken { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get => Taken; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var taken = 0;
            for (; taken < count && Taken < length; taken++, Taken++)
            {
                buffer[offset + taken] = Taken < _head.Length ? _head[Taken] : _line[(Taken - _head.Length) % _line.Length];
            }

            return taken;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
