using System.Diagnostics;
using System.Net;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Smtp.Commands;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// One dialogue, from the greeting to the last word. Each answer says whether the dialogue goes on; where it does not,
/// the answer was the last one.
/// </summary>
internal sealed class SmtpSession : IAsyncDisposable
{
    private readonly SmtpDoor _door;
    private readonly SmtpWire _wire;
    private readonly IPAddress _client;
    private readonly CancellationToken _clientGone;
    private readonly Answers _answers;
    private readonly MailDialogue _mail;
    private readonly FailedLogins _failedLogins;
    private SmtpCommand.Hello? _hello;
    private Credential? _credential;
    private int _commandsBeforeLogin;
    private int _badCommands;
    private int _acceptedThen;

    public SmtpSession(SmtpDoor door, SmtpWire wire, IPAddress client, CancellationToken clientGone)
    {
        _door = door;
        _wire = wire;
        _client = client;
        _clientGone = clientGone;
        _answers = new Answers(door, wire, client);
        _mail = new MailDialogue(door, wire, _answers, client);
        _failedLogins = new FailedLogins(door.Logins?.Limits.MaxFailedLogins ?? 0);
    }

    private DialogueState State =>
        _hello is null ? DialogueState.Connected
        : _credential is null && _door.Logins is not null ? DialogueState.Greeted
        : _mail.State;

    public async Task RunAsync()
    {
        if (_door.Tls == ListenerTls.Implicit && !await EncryptAsync())
        {
            return;
        }

        var goesOn = await GreetAsync();
        while (goesOn)
        {
            goesOn = await _wire.ReadLineAsync(CommandParser.MaxAuthOctets) switch
            {
                LineRead.Complete => await AnswerAsync(CommandParser.Parse(_wire.Line)),
                LineRead.TooLong => BadCommand(Replies.LineTooLong),
                LineRead.Corrupt => BadCommand(Replies.LineCorrupt),
                _ => false,
            };
        }

        // Nothing, where it was we who ended it or the client is gone.
        _answers.LastWord(Replies.Farewell(_wire.End));
    }

    public ValueTask DisposeAsync() => _mail.DisposeAsync();

    private async ValueTask<bool> GreetAsync()
    {
        if (_wire.HasMore())
        {
            return _answers.OutOfStep();
        }

        _answers.Say(_door.Greeting.Banner);
        return await _wire.FlushAsync();
    }

    private ValueTask<bool> AnswerAsync(SmtpCommand command)
    {
        if (_credential is null && _door.Logins is { } logins && ++_commandsBeforeLogin > logins.Limits.MaxCommandsBeforeLogin)
        {
            return Now(_answers.LastWord(Replies.TooManyCommands, DoorRefusal.TooManyCommands));
        }

        if (command.Verb == SmtpVerb.Auth && _door.Logins is null)
        {
            return Now(_answers.Say(Replies.LoginNotOffered));
        }

        var turn = VerbOrder.TurnOf(command.Verb, State);
        return command switch
        {
            SmtpCommand.Bdat bdat => _mail.ChunkAsync(bdat, turn == Turn.Yes ? default : NotYet(turn).ToArray(), _hello),
            // A size nobody can read: where the chunk ends and the next command begins is anybody's guess.
            SmtpCommand.Malformed { Verb: SmtpVerb.Bdat } malformed => Now(_answers.LastWord(malformed.Reply, DoorRefusal.OutOfStep)),
            _ when turn != Turn.Yes => Now(_answers.Say(NotYet(turn))),
            SmtpCommand.Mail mail => _mail.MailAsync(mail, _credential),
            SmtpCommand.Rcpt rcpt => _mail.RcptAsync(rcpt),
            SmtpCommand.Malformed malformed => Now(Malformed(malformed)),
            SmtpCommand.Hello hello => HelloAsync(hello),
            SmtpCommand.Auth auth => AuthAsync(auth),
            _ => AnswerPlainAsync(command.Verb),
        };
    }

    private ValueTask<bool> AnswerPlainAsync(SmtpVerb verb) => verb switch
    {
        SmtpVerb.Data => _mail.DataAsync(_hello!),
        SmtpVerb.Rset => RsetAsync(),
        SmtpVerb.StartTls => StartTlsAsync(),
        SmtpVerb.Noop => Now(_answers.Say(Replies.Ok)),
        SmtpVerb.Vrfy => Now(_answers.Say(Replies.WillTry)),
        SmtpVerb.Help => Now(_answers.Say(Replies.Help)),
        SmtpVerb.Quit => Now(_answers.LastWord(Replies.Bye)),
        _ => throw new UnreachableException(),
    };

    private async ValueTask<bool> HelloAsync(SmtpCommand.Hello hello)
    {
        if (_wire.HasMore())
        {
            return _answers.OutOfStep();
        }

        await _mail.ResetAsync();
        _hello = hello;
        return _answers.Say(hello.Verb == SmtpVerb.Helo
            ? _door.Greeting.Helo
            : _door.Greeting.Ehlo(_wire.IsEncrypted, _credential is not null, _door.Certificate.Current is not null));
    }

    private async ValueTask<bool> RsetAsync()
    {
        await _mail.ResetAsync();
        return _answers.Say(Replies.Ok);
    }

    private async ValueTask<bool> StartTlsAsync()
    {
        if (_door.Tls != ListenerTls.StartTls || _wire.IsEncrypted)
        {
            return _answers.Say(_wire.IsEncrypted ? Replies.TlsActive : Replies.TlsNotOffered);
        }

        if (_wire.HasMore())
        {
            return _answers.OutOfStep();
        }

        if (_door.Certificate.Current is null)
        {
            return _answers.Say(Replies.TlsUnavailable);
        }

        _answers.Say(Replies.ReadyForTls);
        if (!await _wire.FlushAsync() || !await EncryptAsync())
        {
            return false;
        }

        // All that was said before could have been said by anybody (RFC 3207, 4.2).
        _hello = null;
        return true;
    }

    private async ValueTask<bool> EncryptAsync()
    {
        if (_door.Certificate.Current is not { } certificate)
        {
            _door.Logger.NoCertificate();
            return false;
        }

        using var timeout = new CancellationTokenSource(_door.Limits.HandshakeTimeout, _door.Time);
        await _wire.EncryptAsync(certificate, timeout.Token);
        return true;
    }

    private async ValueTask<bool> AuthAsync(SmtpCommand.Auth auth)
    {
        if (!_door.Greeting.AllowsLogin(_wire.IsEncrypted))
        {
            return _answers.Say(Replies.LoginNeedsTls);
        }

        if (_wire.HasMore())
        {
            return _answers.OutOfStep();
        }

        var exchange = await Login.RunAsync(_wire, auth);
        return exchange.Step switch
        {
            LoginStep.Answered when _wire.HasMore() => _answers.OutOfStep(),
            LoginStep.Answered => await LogInAsync(exchange),
            LoginStep.Cancelled => _answers.Say(Replies.LoginCancelled),
            LoginStep.Malformed => BadCommand(Replies.LoginMalformed),
            LoginStep.TooLong => BadCommand(Replies.LoginTooLong),
            LoginStep.UnknownMechanism => _answers.Say(Replies.UnknownMechanism),
            LoginStep.OutOfStep => _answers.OutOfStep(),
            _ => false,
        };
    }

    private async ValueTask<bool> LogInAsync(LoginExchange login)
    {
        switch (await _door.Logins!.Logins.AuthenticateAsync(login.Key, _client, login.UserName, CancellationToken.None))
        {
            case AuthenticationResult.Authenticated { Credential: var credential }:
                _credential = credential;
                return _answers.Say(Replies.LoggedIn);
            case AuthenticationResult.Unavailable:
                return _answers.Say(Replies.LoginUnavailable);
            case AuthenticationResult.Misplaced misplaced:
                return await LoginFailedAsync(login.Key, ReplyWriter.ToBytes(Replies.LoginMisplaced(misplaced.Text)));
            case AuthenticationResult.Throttled:
                await DelayFailureAsync(DoorRefusal.LoginThrottled);
                return _answers.LastWord(Replies.TooManyLogins);
            default:
                return await LoginFailedAsync(login.Key, Replies.LoginFailed.ToArray());
        }
    }

    private async ValueTask<bool> LoginFailedAsync(string key, byte[] reply)
    {
        await DelayFailureAsync(DoorRefusal.Login);
        _answers.Say(reply);
        return _failedLogins.MayGoOnAfter(key) || _answers.LastWord(Replies.TooManyLogins);
    }

    private Task DelayFailureAsync(DoorRefusal reason)
    {
        _door.Metrics.Refused(reason);
        _door.Logger.LoginFailed(_client);
        return Task.Delay(_door.Logins!.Limits.FailedLoginDelay, _door.Time, _clientGone);
    }

    private bool Malformed(SmtpCommand.Malformed malformed)
    {
        var reply = ReplyWriter.ToBytes(malformed.Reply);
        // A list of customers may hold many bad addresses.
        return malformed.Verb == SmtpVerb.Rcpt ? _answers.Say(reply) : BadCommand(reply);
    }

    private bool BadCommand(ReadOnlySpan<byte> reply)
    {
        _answers.Say(reply);
        // A message that went through in between shows that the client means well.
        _badCommands = _acceptedThen == _mail.Accepted ? _badCommands + 1 : 1;
        _acceptedThen = _mail.Accepted;
        return _badCommands < _door.Limits.MaxBadCommands || _answers.LastWord(Replies.TooManyBadCommands, DoorRefusal.TooManyBadCommands);
    }

    private ReadOnlySpan<byte> NotYet(Turn turn) =>
        turn != Turn.LoginFirst ? Replies.NotYet(turn)
        : _door.Greeting.AllowsLogin(_wire.IsEncrypted) ? Replies.LoginFirst
        : Replies.TlsFirst;

    private static ValueTask<bool> Now(bool goesOn) => new(goesOn);
}
