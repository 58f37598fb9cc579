using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Relay.Smtp.Commands;

namespace Relay.Intake.Smtp;

/// <summary>
/// One AUTH exchange (RFC 4954, 4), from the command to the key the client gave: PLAIN (RFC 4616), or LOGIN, which
/// never was a standard and which every client knows. The key tells who it is; the user name is for people.
/// </summary>
internal static class Login
{
    public static ValueTask<LoginExchange> RunAsync(SmtpWire wire, SmtpCommand.Auth auth) => auth.Mechanism switch
    {
        "PLAIN" => PlainAsync(wire, auth.InitialResponse),
        "LOGIN" => LoginAsync(wire, auth.InitialResponse),
        _ => new ValueTask<LoginExchange>(new LoginExchange(LoginStep.UnknownMechanism)),
    };

    private static async ValueTask<LoginExchange> PlainAsync(SmtpWire wire, byte[]? initial)
    {
        var response = initial is null ? await AskAsync(wire, Prompt.Plain) : Decode(initial);
        return response.Step == LoginStep.Answered ? ReadPlain(response.Octets) : response;
    }

    private static async ValueTask<LoginExchange> LoginAsync(SmtpWire wire, byte[]? initial)
    {
        var userName = initial is null ? await AskAsync(wire, Prompt.UserName) : Decode(initial);
        if (userName.Step != LoginStep.Answered)
        {
            return userName;
        }

        var password = await AskAsync(wire, Prompt.Password);
        return new LoginExchange(password.Step, password.Octets, userName.Octets);
    }

    // authzid NUL authcid NUL passwd. To act as somebody else is not on offer, but some clients name themselves twice.
    private static LoginExchange ReadPlain(ReadOnlySpan<byte> response)
    {
        var first = response.IndexOf((byte)0);
        var second = first < 0 ? -1 : first + 1 + response[(first + 1)..].IndexOf((byte)0);
        if (second <= first || response[(second + 1)..].Contains((byte)0))
        {
            return new LoginExchange(LoginStep.Malformed);
        }

        var actAs = response[..first];
        var userName = response[(first + 1)..second];
        return actAs.IsEmpty || actAs.SequenceEqual(userName)
            ? new LoginExchange(LoginStep.Answered, response[(second + 1)..].ToArray(), userName.ToArray())
            : new LoginExchange(LoginStep.Malformed);
    }

    private static async ValueTask<LoginExchange> AskAsync(SmtpWire wire, Prompt prompt)
    {
        // What came before it was asked for was not said to us (RFC 2920, 3.1).
        if (wire.HasMore())
        {
            return new LoginExchange(LoginStep.OutOfStep);
        }

        wire.Write(prompt switch
        {
            Prompt.UserName => Replies.AskUserName,
            Prompt.Password => Replies.AskPassword,
            _ => Replies.AskPlain,
        });

        return await wire.ReadLineAsync(CommandParser.MaxAuthOctets) switch
        {
            LineRead.Complete => Read(wire.Line),
            LineRead.TooLong => new LoginExchange(LoginStep.TooLong),
            LineRead.Corrupt => new LoginExchange(LoginStep.Malformed),
            _ => new LoginExchange(LoginStep.ClientGone),
        };
    }

    private static LoginExchange Read(in ReadOnlySequence<byte> line)
    {
        var answer = line.ToArray();
        return answer is [(byte)'*'] ? new LoginExchange(LoginStep.Cancelled) : Decode(answer);
    }

    // "=" is an empty initial response (RFC 4954, 4).
    private static LoginExchange Decode(byte[] base64)
    {
        if (base64 is [] or [(byte)'='])
        {
            return new LoginExchange(LoginStep.Answered, []);
        }

        var octets = new byte[Base64.GetMaxDecodedFromUtf8Length(base64.Length)];
        return Base64.DecodeFromUtf8(base64, octets, out _, out var length) == OperationStatus.Done
            ? new LoginExchange(LoginStep.Answered, octets[..length])
            : new LoginExchange(LoginStep.Malformed);
    }

    private enum Prompt
    {
        Plain,
        UserName,
        Password,
    }
}

/// <summary>How far an AUTH exchange came.</summary>
internal enum LoginStep
{
    Answered,
    Cancelled,
    Malformed,
    TooLong,
    OutOfStep,
    UnknownMechanism,
    ClientGone,
}

/// <summary>A step of the exchange and, when it was answered, the answer: at the end, the key and the user name beside it.</summary>
internal readonly struct LoginExchange(LoginStep step, byte[]? octets = null, byte[]? userName = null)
{
    public LoginStep Step => step;
    public byte[] Octets => octets ?? [];

    /// <summary>Without the blanks and line ends that come along when a key is pasted, as the HTTP door takes it.</summary>
    public string Key => Encoding.UTF8.GetString(Octets.AsSpan().Trim(" \t\r\n"u8));

    public string UserName => Encoding.UTF8.GetString(userName ?? []);
}
