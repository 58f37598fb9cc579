using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Unicode;
using Microsoft.Extensions.Logging;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Smtp.Commands;
using Relay.Smtp.Content;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>
/// One dialogue, from the greeting to the last word. Each answer says whether the dialogue goes on; where it does not,
/// the answer was the last one.
/// </summary>
internal sealed partial class SmtpSession(SmtpDoor door, SmtpWire wire, IPAddress client, CancellationToken clientGone) : IAsyncDisposable
{
    private readonly ILogger _logger = door.Logger;
    private DialogueState _state = DialogueState.Connected;
    private SmtpCommand.Hello? _hello;
    private Credential? _credential;
    private Transaction? _transaction;
    private byte[]? _failedKey;
    private int _failedLogins;
    private int _commandsBeforeLogin;
    private int _badCommands;

    public async Task RunAsync()
    {
        if (door.Tls == ListenerTls.Implicit && !await EncryptAsync())
        {
            return;
        }

        var goesOn = await GreetAsync();
        while (goesOn)
        {
            goesOn = await wire.ReadLineAsync(CommandParser.MaxAuthOctets) switch
            {
                LineRead.Complete => await AnswerAsync(CommandParser.Parse(wire.Line)),
                LineRead.TooLong => BadCommand(Replies.LineTooLong),
                LineRead.Corrupt => BadCommand(Replies.LineCorrupt),
                _ => false,
            };
        }

        wire.Write(Replies.Farewell(wire.End));
    }

    public ValueTask DisposeAsync() => CloseTransactionAsync();

    private async ValueTask<bool> GreetAsync()
    {
        if (wire.HasMore())
        {
            return OutOfStep();
        }

        wire.Write(door.Greeting.Banner);
        return await wire.FlushAsync();
    }

    private ValueTask<bool> AnswerAsync(SmtpCommand command)
    {
        if (_credential is null && ++_commandsBeforeLogin > door.Limits.MaxCommandsBeforeLogin)
        {
            return Now(LastWord(Replies.TooManyCommands, DoorRefusal.TooManyCommands));
        }

        var turn = VerbOrder.TurnOf(command.Verb, _state);
        return command switch
        {
            // Its octets follow whatever we think of it.
            SmtpCommand.Bdat bdat => ChunkAsync(bdat, turn),
            // A size nobody can read: where the chunk ends and the next command begins is anybody's guess.
            SmtpCommand.Malformed { Verb: SmtpVerb.Bdat } malformed => Now(LastWord(malformed.Reply, DoorRefusal.OutOfStep)),
            _ when turn != Turn.Yes => Now(Say(NotYet(turn))),
            SmtpCommand.Mail mail => MailAsync(mail),
            SmtpCommand.Rcpt rcpt => Now(Rcpt(rcpt)),
            SmtpCommand.Malformed malformed => Now(Malformed(malformed)),
            SmtpCommand.Hello hello => HelloAsync(hello),
            SmtpCommand.Auth auth => AuthAsync(auth),
            _ => command.Verb switch
            {
                SmtpVerb.Data => DataAsync(),
                SmtpVerb.StartTls => StartTlsAsync(),
                SmtpVerb.Rset => RsetAsync(),
                SmtpVerb.Noop => Now(Say(Replies.Ok)),
                SmtpVerb.Vrfy => Now(Say(Replies.WillTry)),
                SmtpVerb.Help => Now(Say(Replies.Help)),
                SmtpVerb.Quit => Now(LastWord(Replies.Bye)),
                _ => throw new UnreachableException(),
            },
        };
    }

    private async ValueTask<bool> HelloAsync(SmtpCommand.Hello hello)
    {
        if (wire.HasMore())
        {
            return OutOfStep();
        }

        await CloseTransactionAsync();
        _hello = hello;
        _state = _credential is null ? DialogueState.Greeted : DialogueState.Ready;
        return Say(hello.Verb == SmtpVerb.Helo
            ? door.Greeting.Helo
            : door.Greeting.Ehlo(wire.IsEncrypted, _credential is not null, door.Certificate.Current is not null));
    }

    private async ValueTask<bool> StartTlsAsync()
    {
        if (door.Tls != ListenerTls.StartTls || wire.IsEncrypted)
        {
            return Say(wire.IsEncrypted ? Replies.TlsActive : Replies.TlsNotOffered);
        }

        if (wire.HasMore())
        {
            return OutOfStep();
        }

        if (door.Certificate.Current is null)
        {
            return Say(Replies.TlsUnavailable);
        }

        wire.Write(Replies.ReadyForTls);
        if (!await wire.FlushAsync() || !await EncryptAsync())
        {
            return false;
        }

        // All that was said before could have been said by anybody (RFC 3207, 4.2).
        _hello = null;
        _state = DialogueState.Connected;
        return true;
    }

    private async ValueTask<bool> EncryptAsync()
    {
        if (door.Certificate.Current is not { } certificate)
        {
            LogNoCertificate();
            return false;
        }

        using var timeout = new CancellationTokenSource(door.Limits.HandshakeTimeout, door.Time);
        await wire.EncryptAsync(certificate, timeout.Token);
        return true;
    }

    private async ValueTask<bool> AuthAsync(SmtpCommand.Auth auth)
    {
        if (!door.Greeting.AllowsLogin(wire.IsEncrypted))
        {
            return Say(Replies.LoginNeedsTls);
        }

        if (wire.HasMore())
        {
            return OutOfStep();
        }

        var exchange = await Login.RunAsync(wire, auth);
        return exchange.Step switch
        {
            LoginStep.Answered when wire.HasMore() => OutOfStep(),
            LoginStep.Answered => await LogInAsync(exchange.Key),
            LoginStep.Cancelled => Say(Replies.LoginCancelled),
            LoginStep.Malformed => BadCommand(Replies.LoginMalformed),
            LoginStep.TooLong => BadCommand(Replies.LoginTooLong),
            LoginStep.UnknownMechanism => Say(Replies.UnknownMechanism),
            LoginStep.OutOfStep => OutOfStep(),
            _ => false,
        };
    }

    private async ValueTask<bool> LogInAsync(string key)
    {
        switch (await door.Gate.AuthenticateAsync(key, CancellationToken.None))
        {
            case AuthenticationResult.Authenticated { Credential: var credential }:
                _credential = credential;
                _state = DialogueState.Ready;
                return Say(Replies.LoggedIn);
            case AuthenticationResult.Unavailable:
                return Say(Replies.LoginUnavailable);
            default:
                return await LoginFailedAsync(key);
        }
    }

    private async ValueTask<bool> LoginFailedAsync(string key)
    {
        // Some clients try the same key with each mechanism in turn; that is one mistake, not several.
        var hash = ApiKey.Hash(key);
        if (_failedKey is null || !CryptographicOperations.FixedTimeEquals(_failedKey, hash))
        {
            _failedKey = hash;
            _failedLogins++;
        }

        door.Metrics.Refused(DoorRefusal.Login);
        LogLoginFailed(client);
        await Task.Delay(door.Limits.FailedLoginDelay, door.Time, clientGone);

        wire.Write(Replies.LoginFailed);
        return _failedLogins < door.Limits.MaxFailedLogins || LastWord(Replies.TooManyLogins);
    }

    private async ValueTask<bool> MailAsync(SmtpCommand.Mail mail)
    {
        if (mail.DeclaredOctets > door.Limits.MaxMessageBytes)
        {
            return Refuse(Replies.TooLarge, DoorRefusal.TooLarge);
        }

        if (mail.Sender is { NeedsSmtpUtf8: true } && !mail.SmtpUtf8)
        {
            return Say(Replies.Utf8Needed);
        }

        if (await door.Gate.CheckSenderAsync(_credential!, mail.Sender, CancellationToken.None) is { } refusal)
        {
            door.Metrics.Refused(MessageSource.Smtp, refusal.Reason);
            LogSenderRefused(_credential!.Account, refusal.Reason, refusal.Text);
            return Say(Replies.OfSender(refusal));
        }

        _transaction = new Transaction(mail);
        _state = DialogueState.Sender;
        return Say(Replies.SenderOk);
    }

    private bool Rcpt(SmtpCommand.Rcpt rcpt)
    {
        if (rcpt.Recipient.NeedsSmtpUtf8 && !_transaction!.SmtpUtf8)
        {
            return Say(Replies.Utf8Needed);
        }

        // The client sends the rest in another transaction (RFC 5321, 4.5.3.1.10).
        if (_transaction!.Recipients >= door.Limits.MaxRecipients)
        {
            return Say(Replies.TooManyRecipients);
        }

        _transaction.Add(rcpt);
        _state = DialogueState.Recipients;
        return Say(Replies.RecipientOk);
    }

    private async ValueTask<bool> DataAsync()
    {
        if (wire.HasMore())
        {
            return OutOfStep();
        }

        using var activity = IntakeMetrics.Activities.StartActivity("smtp.message", ActivityKind.Server);
        wire.Write(Replies.SendData);

        var content = Open(ContentDecoder.ForData());
        wire.Patience.BeginContent();
        while (!content.IsComplete)
        {
            if (content.IsAbsurd)
            {
                return LastWord(Replies.TooLarge, DoorRefusal.TooLarge);
            }

            if (!await wire.ReadContentAsync())
            {
                return ContentLost(content);
            }

            content.Take(ref wire.Unread);
            await content.StoreAsync();
        }

        return await EndContentAsync(content);
    }

    private async ValueTask<bool> ChunkAsync(SmtpCommand.Bdat bdat, Turn turn)
    {
        if (bdat.Octets > 2 * door.Limits.MaxMessageBytes)
        {
            return LastWord(Replies.TooLarge, DoorRefusal.TooLarge);
        }

        if (turn != Turn.Yes)
        {
            return await SkipAsync(bdat.Octets) && Say(NotYet(turn));
        }

        using var activity = bdat.IsLast ? IntakeMetrics.Activities.StartActivity("smtp.message", ActivityKind.Server) : null;
        var content = _transaction!.Content ?? Open(ContentDecoder.ForChunks());
        wire.Patience.BeginContent();
        for (var left = bdat.Octets; left > 0;)
        {
            if (wire.Unread.IsEmpty && !await wire.ReadContentAsync())
            {
                return ContentLost(content);
            }

            left -= content.Take(ref wire.Unread, left);
            await content.StoreAsync();
        }

        if (content.IsAbsurd)
        {
            return LastWord(Replies.TooLarge, DoorRefusal.TooLarge);
        }

        if (bdat.IsLast)
        {
            return await EndContentAsync(content);
        }

        return content.Problem is { } problem
            ? await RefuseChunkAsync(problem)
            : TookChunk(bdat.Octets);
    }

    private bool TookChunk(long octets)
    {
        _state = DialogueState.Chunks;
        Span<byte> reply = stackalloc byte[64];
        Utf8.TryWrite(reply, $"250 2.0.0 {octets} octets received\r\n", out var length);
        return Say(reply[..length]);
    }

    // What was pipelined behind it belongs to a message that will not be: it is read and dropped until RSET.
    private async ValueTask<bool> RefuseChunkAsync(SmtpReply problem)
    {
        await CloseTransactionAsync();
        _state = DialogueState.ChunkRefused;
        return Refuse(problem, DoorRefusal.Content);
    }

    private async ValueTask<bool> SkipAsync(long octets)
    {
        wire.Patience.BeginContent();
        while (octets > 0)
        {
            if (wire.Unread.IsEmpty && !await wire.ReadContentAsync())
            {
                return false;
            }

            var part = Math.Min(octets, wire.Unread.Length);
            wire.Unread = wire.Unread.Slice(part);
            octets -= part;
        }

        return true;
    }

    private async ValueTask<bool> EndContentAsync(IncomingContent content)
    {
        var goesOn = await content.FinishAsync()
            ? await AdmitAsync(content)
            : Refuse(content.Problem!, content.Problem == Replies.TooLarge ? DoorRefusal.TooLarge : DoorRefusal.Content);
        await CloseTransactionAsync();
        return goesOn;
    }

    private async ValueTask<bool> AdmitAsync(IncomingContent content)
    {
        var envelope = _transaction!.ToEnvelope();
        var submission = new Submission
        {
            Id = content.Id,
            Credential = _credential!,
            Source = MessageSource.Smtp,
            Envelope = envelope,
            Trace = TraceLine.Of(Facts(envelope.SmtpUtf8), content.Id, door.Time.GetUtcNow()),
            Head = content.Head,
            Chunks = content.Chunks,
            Length = content.Length,
            HasEightBit = content.HasEightBit,
        };

        // Not cancelled when the client goes: it may have said all it had to, and the store decides within its own time.
        switch (await door.Gate.AdmitAsync(submission, CancellationToken.None))
        {
            case AdmissionResult.Admitted:
                content.Keep();
                return Queued(content.Id);
            case AdmissionResult.Replayed { First: var first }:
                return Queued(first);
            case AdmissionResult.Refused { Refusal: var refusal }:
                return Say(Replies.Of(refusal));
            default:
                throw new UnreachableException();
        }
    }

    // In Postfix's words: PHPMailer and others find the id by them.
    private bool Queued(MessageId id)
    {
        _badCommands = 0;
        Span<byte> reply = stackalloc byte[64];
        Utf8.TryWrite(reply, $"250 2.0.0 Ok: queued as {id}\r\n", out var length);
        return Say(reply[..length]);
    }

    private async ValueTask<bool> RsetAsync()
    {
        await CloseTransactionAsync();
        return Say(Replies.Ok);
    }

    private bool Malformed(SmtpCommand.Malformed malformed)
    {
        var reply = ReplyWriter.ToBytes(malformed.Reply);
        // A list of customers may hold many bad addresses.
        return malformed.Verb == SmtpVerb.Rcpt ? Say(reply) : BadCommand(reply);
    }

    private bool BadCommand(ReadOnlySpan<byte> reply)
    {
        wire.Write(reply);
        return ++_badCommands < door.Limits.MaxBadCommands || LastWord(Replies.TooManyBadCommands, DoorRefusal.TooManyBadCommands);
    }

    // Whoever speaks before the answer that could change everything either does not follow the protocol or did not write
    // all of this itself (RFC 2920, 3.1).
    private bool OutOfStep()
    {
        LogOutOfStep(client);
        return LastWord(Replies.OutOfStep, DoorRefusal.OutOfStep);
    }

    // Odoo's connection test ends like this: no message, no fault.
    private bool ContentLost(IncomingContent content)
    {
        LogContentLost(client, wire.End, content.Length);
        return false;
    }

    private ReadOnlySpan<byte> NotYet(Turn turn) =>
        turn != Turn.LoginFirst ? Replies.NotYet(turn)
        : door.Greeting.AllowsLogin(wire.IsEncrypted) ? Replies.LoginFirst
        : Replies.TlsFirst;

    private bool Say(ReadOnlySpan<byte> reply)
    {
        wire.Write(reply);
        return true;
    }

    private bool Say(SmtpReply reply) => Say(ReplyWriter.ToBytes(reply));

    private bool Refuse(SmtpReply reply, DoorRefusal reason)
    {
        door.Metrics.Refused(reason);
        return Say(reply);
    }

    private bool LastWord(ReadOnlySpan<byte> reply, DoorRefusal? reason = null)
    {
        if (reason is { } why)
        {
            door.Metrics.Refused(why);
        }

        wire.Write(reply);
        return false;
    }

    private bool LastWord(SmtpReply reply, DoorRefusal reason) => LastWord(ReplyWriter.ToBytes(reply), reason);

    private static ValueTask<bool> Now(bool goesOn) => new(goesOn);

    private IncomingContent Open(ContentDecoder decoder) => _transaction!.Content = new IncomingContent(
        decoder,
        door.Contents,
        door.Limits,
        head => door.Gate.CreateId(_credential!, head),
        _transaction.DeclaredOctets);

    private async ValueTask CloseTransactionAsync()
    {
        if (_transaction?.Content is { } content)
        {
            await content.DisposeAsync();
        }

        _transaction = null;
        if (_state > DialogueState.Ready)
        {
            _state = DialogueState.Ready;
        }
    }

    private TraceFacts Facts(bool smtpUtf8) => new(
        TraceLine.CleanName(_hello!.Name),
        client,
        door.HostName,
        wire.Encryption,
        Extended: _hello.Verb == SmtpVerb.Ehlo,
        Authenticated: true,
        smtpUtf8);

    [LoggerMessage(Level = LogLevel.Information, Message = "Login from {Client} failed")]
    private partial void LogLoginFailed(IPAddress client);

    [LoggerMessage(Level = LogLevel.Information, Message = "Refused a sender of account {Account}, {Reason}: {Text}")]
    private partial void LogSenderRefused(string account, RefusalReason reason, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "Closed the connection of {Client}, which did not wait for a reply")]
    private partial void LogOutOfStep(IPAddress client);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The content from {Client} broke off ({End}) after {Octets} octets")]
    private partial void LogContentLost(IPAddress client, WireEnd end, long octets);

    [LoggerMessage(Level = LogLevel.Error, Message = "There is no certificate for implicit TLS")]
    private partial void LogNoCertificate();
}
