using System.Text;

namespace Relay.Load.Traffic.Smtp;

/// <summary>A submitting client: one recipient a message, the envelope in one flight where the server allows it.</summary>
internal sealed class SmtpSession(TrafficPlan plan, Door door) : ISession
{
    private readonly Form _envelope = LoadMessage.Envelope(plan.Zone);
    private readonly Form _content = LoadMessage.Content(plan.Size, plan.Zone);
    private SmtpWire? _wire;
    private bool _pipelining;

    public void Open()
    {
        Dispose();
        _wire = SmtpWire.Connect(door.Address, plan.Timeout);
        if (door.Tls == LoadTls.Implicit)
        {
            _wire.StartTls();
        }

        Expect(_wire.ReadReply(), 220);
        var offers = Hello(_wire);
        if (door.Tls == LoadTls.StartTls)
        {
            Expect(_wire.Say("STARTTLS\r\n"u8), 220);
            _wire.StartTls();
            offers = Hello(_wire);
        }

        _pipelining = offers.Contains("PIPELINING", StringComparison.Ordinal);
        if (door.Key is not null)
        {
            var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{door.User}\0{door.Key}"));
            Expect(_wire.Say(Encoding.ASCII.GetBytes($"AUTH PLAIN {login}\r\n")), 235);
        }
    }

    public string? Send(LoadToken token, int domain)
    {
        var wire = _wire!;
        _envelope.Fill(token, domain);
        _content.Fill(token, domain);

        var refusal = _pipelining ? SendEnvelope(wire) : SendEnvelopeStepByStep(wire);
        if (refusal is not null)
        {
            wire.Say("RSET\r\n"u8);
            return refusal;
        }

        var answer = wire.Say(_content.Octets);
        if (plan.NewConnection)
        {
            Close();
        }

        return answer.Code == 250 ? null : answer.Text;
    }

    private string? SendEnvelope(SmtpWire wire)
    {
        wire.Write(_envelope.Octets);
        var mail = wire.ReadReply();
        var rcpt = wire.ReadReply();
        var data = wire.ReadReply();
        if (mail.Code == 250 && rcpt.Code == 250)
        {
            return data.Code == 354 ? null : data.Text;
        }

        // 354 without a recipient: a lone dot ends it (RFC 2920, 3.1).
        if (data.Code == 354)
        {
            wire.Say(".\r\n"u8);
        }

        return mail.Code == 250 ? rcpt.Text : mail.Text;
    }

    private string? SendEnvelopeStepByStep(SmtpWire wire)
    {
        ReadOnlySpan<byte> rest = _envelope.Octets;
        foreach (var expected in (ReadOnlySpan<int>)[250, 250, 354])
        {
            var line = rest.IndexOf((byte)'\n') + 1;
            var reply = wire.Say(rest[..line]);
            if (reply.Code != expected)
            {
                return reply.Text;
            }

            rest = rest[line..];
        }

        return null;
    }

    private static string Hello(SmtpWire wire)
    {
        var reply = wire.Say("EHLO generator.load.test\r\n"u8);
        Expect(reply, 250);
        return reply.Text;
    }

    private static void Expect(Reply reply, int code)
    {
        if (reply.Code != code)
        {
            throw new IOException($"expected {code}, the server said: {reply.Text}");
        }
    }

    private void Close()
    {
        _wire!.Write("QUIT\r\n"u8);
        Dispose();
    }

    public void Dispose()
    {
        _wire?.Dispose();
        _wire = null;
    }
}
