using System.Net;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>Says things to one client. Each answer tells whether the dialogue goes on after it.</summary>
internal sealed class Answers(SmtpDoor door, SmtpWire wire, IPAddress client)
{
    public bool Say(ReadOnlySpan<byte> reply)
    {
        wire.Write(reply);
        return true;
    }

    /// <summary>After 421 there is nothing more to say (RFC 5321, 4.2.3).</summary>
    public bool Say(SmtpReply reply) => Say(ReplyWriter.ToBytes(reply)) && reply.Code != 421;

    public bool Refuse(SmtpReply reply, DoorRefusal reason)
    {
        door.Metrics.Refused(reason);
        return Say(reply);
    }

    public bool LastWord(ReadOnlySpan<byte> reply)
    {
        wire.Write(reply);
        return false;
    }

    public bool LastWord(ReadOnlySpan<byte> reply, DoorRefusal reason)
    {
        door.Metrics.Refused(reason);
        return LastWord(reply);
    }

    public bool LastWord(SmtpReply reply, DoorRefusal reason) => LastWord(ReplyWriter.ToBytes(reply), reason);

    /// <summary>
    /// Whoever speaks before the answer that could change everything either does not follow the protocol or did not
    /// write all of this itself (RFC 2920, 3.1).
    /// </summary>
    public bool OutOfStep()
    {
        door.Logger.OutOfStep(client);
        return LastWord(Replies.OutOfStep, DoorRefusal.OutOfStep);
    }
}
