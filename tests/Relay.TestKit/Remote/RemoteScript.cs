using System.Security.Cryptography.X509Certificates;

namespace Relay.TestKit.Remote;

/// <summary>How a <see cref="ScriptedSmtpServer"/> behaves. Without any line of script it is a modern server that takes everything.</summary>
public sealed class RemoteScript
{
    private readonly List<(RemoteStage Stage, Func<RemoteMoment, RemoteAnswer?> Answer)> _lines = [];

    /// <summary>The keywords of the EHLO reply; STARTTLS and AUTH are added where they hold.</summary>
    public List<string> Capabilities { get; } =
        ["PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"];

    /// <summary>The name in the greeting.</summary>
    public string HostName { get; set; } = "remote.test";

    public RemoteTls Tls { get; set; }

    /// <summary>What TLS shows; one for <see cref="HostName"/> is made when it is null.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>What is shown above <see cref="Certificate"/>.</summary>
    public X509Certificate2Collection Chain { get; } = [];

    /// <summary>The login that is taken; null offers no AUTH.</summary>
    public (string User, string Password)? Login { get; set; }

    public ReplyPace Pace { get; set; }

    /// <summary>Adds a line of script. The first line of a stage that answers other than null counts; where none does, the server does the usual.</summary>
    public RemoteScript On(RemoteStage stage, Func<RemoteMoment, RemoteAnswer?> answer)
    {
        _lines.Add((stage, answer));
        return this;
    }

    public RemoteScript On(RemoteStage stage, RemoteAnswer answer) => On(stage, _ => answer);

    public RemoteScript On(RemoteStage stage, string reply) => On(stage, RemoteAnswer.Say(reply));

    /// <summary>Answers so only the first time that the stage is reached, over all sessions.</summary>
    public RemoteScript Once(RemoteStage stage, RemoteAnswer answer)
    {
        var used = 0;
        return On(stage, _ => Interlocked.Exchange(ref used, 1) == 0 ? answer : null);
    }

    public RemoteScript Once(RemoteStage stage, string reply) => Once(stage, RemoteAnswer.Say(reply));

    internal RemoteAnswer? AnswerAt(RemoteMoment moment)
    {
        foreach (var (stage, answer) in _lines)
        {
            if (stage == moment.Stage && answer(moment) is { } found)
            {
                return found;
            }
        }

        return null;
    }
}

/// <summary>Where in the dialogue an answer is due.</summary>
public enum RemoteStage
{
    /// <summary>A connection came in.</summary>
    Greeting,
    Ehlo,
    Helo,
    StartTls,

    /// <summary>TLS was agreed on after our 220; an answer that closes does so in place of the handshake.</summary>
    Handshake,
    Auth,
    Mail,
    Rcpt,
    Data,

    /// <summary>The first octets of the body are there; an answer is given before the rest is read.</summary>
    Body,
    EndOfData,

    /// <summary>BDAT with its octets, which must be the whole message.</summary>
    Chunk,
    Rset,
    Noop,
    Quit,
    Unknown,
}

/// <summary>One point of a dialogue.</summary>
/// <param name="Line">The command as it came, without CRLF; empty where there is none.</param>
/// <param name="Count">How often this session has come to this stage, this time included.</param>
public sealed record RemoteMoment(RemoteStage Stage, string Line, int Count, RemoteSession Session);

public enum RemoteTls
{
    None,
    StartTls,
    Implicit,
}

/// <summary>How a reply is cut on the wire.</summary>
public enum ReplyPace
{
    Whole,
    LineByLine,
    OctetByOctet,
}
