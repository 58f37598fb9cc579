using System.Diagnostics;
using System.Net;
using System.Text.Unicode;
using Relay.Mail.Accounts;
using Relay.Mail.Crashing;
using Relay.Mail.Messages;
using Relay.Smtp.Commands;
using Relay.Smtp.Content;
using Relay.Smtp.Replies;

namespace Relay.Intake.Smtp;

/// <summary>The part of the dialogue that brings mail: MAIL, RCPT, DATA and BDAT, one transaction after the other.</summary>
internal sealed class MailDialogue(SmtpDoor door, SmtpWire wire, Answers answers, IPAddress client) : IAsyncDisposable
{
    // As the log names who brings mail without a login.
    private const string Nobody = "-";

    // To judge more than this (sign it, take a report apart) takes longer than other sockets, of which this thread hears, should wait.
    private const int LargeOctets = 64 * 1024;

    private Transaction? _transaction;
    private bool _isChunkRefused;
    private int _guesses;

    /// <summary>How far the transaction has come.</summary>
    public DialogueState State =>
        _isChunkRefused ? DialogueState.ChunkRefused
        : _transaction is null ? DialogueState.Ready
        : _transaction.Content is not null ? DialogueState.Chunks
        : _transaction.Recipients > 0 ? DialogueState.Recipients
        : DialogueState.Sender;

    /// <summary>Messages accepted so far.</summary>
    public int Accepted { get; private set; }

    /// <param name="credential">Null where nobody logs in.</param>
    public async ValueTask<bool> MailAsync(SmtpCommand.Mail mail, Credential? credential)
    {
        if (mail.DeclaredOctets > door.Limits.MaxMessageBytes)
        {
            return answers.Refuse(Replies.TooLarge, DoorRefusal.TooLarge);
        }

        if (mail.Sender is { NeedsSmtpUtf8: true } && !mail.SmtpUtf8)
        {
            return answers.Say(Replies.Utf8Needed);
        }

        if (mail.RequireTls && wire.Encryption is null)
        {
            return answers.Say(Replies.RequireTlsNeedsTls);
        }

        if (await door.Desk.CheckSenderAsync(mail, credential) is { } refusal)
        {
            return answers.Say(refusal);
        }

        if (Accepted > 0)
        {
            CrashPoints.Pass(CrashPoint.After250);
        }

        _transaction = new Transaction(mail, credential);
        return answers.Say(Replies.SenderOk);
    }

    public async ValueTask<bool> RcptAsync(SmtpCommand.Rcpt rcpt)
    {
        if (rcpt.Recipient.NeedsSmtpUtf8 && !_transaction!.SmtpUtf8)
        {
            return answers.Say(Replies.Utf8Needed);
        }

        // The client sends the rest in another transaction (RFC 5321, 4.5.3.1.10).
        if (_transaction!.Recipients >= door.Limits.MaxRecipients)
        {
            return answers.Say(Replies.TooManyRecipients);
        }

        if (await door.Desk.CheckRecipientAsync(_transaction, rcpt.Recipient) is { } refusal)
        {
            return answers.Say(refusal) && (refusal != Replies.UnknownRecipient || MayGuessOn());
        }

        _transaction.Add(rcpt);
        return answers.Say(Replies.RecipientOk);
    }

    public async ValueTask<bool> DataAsync(SmtpCommand.Hello hello)
    {
        if (wire.HasMore())
        {
            return answers.OutOfStep();
        }

        using var activity = IntakeMetrics.Activities.StartActivity("smtp.message", ActivityKind.Server);
        answers.Say(Replies.SendData);

        var content = Open(ContentDecoder.ForData());
        return await ContentReader.ReadDataAsync(wire, content) switch
        {
            ContentRead.Whole => await EndAsync(content, hello),
            ContentRead.Absurd => answers.LastWord(Replies.TooLarge, DoorRefusal.TooLarge),
            _ => Lost(content),
        };
    }

    /// <param name="refusal">Why it is not the turn of a chunk; empty when it is. Its octets follow all the same.</param>
    public async ValueTask<bool> ChunkAsync(SmtpCommand.Bdat bdat, ReadOnlyMemory<byte> refusal, SmtpCommand.Hello? hello)
    {
        if (bdat.Octets > IncomingContent.AbsurdOver(door.Limits))
        {
            return answers.LastWord(Replies.TooLarge, DoorRefusal.TooLarge);
        }

        if (!refusal.IsEmpty)
        {
            return await ContentReader.SkipAsync(wire, bdat.Octets) && answers.Say(refusal.Span);
        }

        using var activity = bdat.IsLast ? IntakeMetrics.Activities.StartActivity("smtp.message", ActivityKind.Server) : null;
        var content = _transaction!.Content ?? Open(ContentDecoder.ForChunks());
        return await ContentReader.ReadChunkAsync(wire, content, bdat.Octets) switch
        {
            ContentRead.Whole when bdat.IsLast => await EndAsync(content, hello!),
            ContentRead.Whole when content.Problem is { } problem => await RefuseChunkAsync(content, problem),
            ContentRead.Whole => TookChunk(bdat.Octets),
            ContentRead.Absurd => answers.LastWord(Replies.TooLarge, DoorRefusal.TooLarge),
            _ => Lost(content),
        };
    }

    /// <summary>Forgets the transaction and whatever has come of its content.</summary>
    public async ValueTask ResetAsync()
    {
        var content = _transaction?.Content;
        _transaction = null;
        _isChunkRefused = false;
        if (content is not null)
        {
            await content.DisposeAsync();
        }
    }

    public ValueTask DisposeAsync() => ResetAsync();

    // Who guesses addresses gets only so many guesses. What is only put off was no guess: mail to many, each of whom has a
    // route of their own, is told so for all but the first.
    private bool MayGuessOn() =>
        ++_guesses < door.Limits.MaxBadCommands || answers.LastWord(Replies.TooManyBadCommands, DoorRefusal.TooManyBadCommands);

    private IncomingContent Open(ContentDecoder decoder)
    {
        var transaction = _transaction!;
        return transaction.Content = new IncomingContent(
            decoder, door.Desk.PlaceFor(transaction), door.Limits, head => door.Desk.CreateId(transaction, head), transaction.DeclaredOctets);
    }

    private bool TookChunk(long octets)
    {
        Span<byte> reply = stackalloc byte[64];
        Utf8.TryWrite(reply, $"250 2.0.0 {octets} octets received\r\n", out var length);
        return answers.Say(reply[..length]);
    }

    // What was pipelined behind it belongs to a message that will not be: it is read and dropped until RSET.
    private async ValueTask<bool> RefuseChunkAsync(IncomingContent content, SmtpReply problem)
    {
        var goesOn = Refuse(content, problem);
        await ResetAsync();
        _isChunkRefused = true;
        return goesOn;
    }

    private async ValueTask<bool> EndAsync(IncomingContent content, SmtpCommand.Hello hello)
    {
        var goesOn = await content.FinishAsync()
            ? await TakeAsync(content, hello)
            : Refuse(content, content.Problem!);
        await ResetAsync();
        return goesOn;
    }

    private bool Refuse(IncomingContent content, SmtpReply problem)
    {
        door.Logger.ContentRefused(_transaction!.Credential?.Account ?? Nobody, client, content.Length, problem.ToString());
        return answers.Refuse(problem, problem == Replies.TooLarge ? DoorRefusal.TooLarge : DoorRefusal.Content);
    }

    private async ValueTask<bool> TakeAsync(IncomingContent content, SmtpCommand.Hello hello)
    {
        if (content.Length > LargeOctets)
        {
            await Task.Yield();
        }

        var answer = await door.Desk.TakeAsync(_transaction!, content, new DeskFacts(hello, client, wire.Encryption));
        return answer.Refusal is { } refusal ? answers.Say(refusal) : Queued(answer.Id);
    }

    // In Postfix's words: PHPMailer and others find the id by them.
    private bool Queued(MessageId id)
    {
        Accepted++;
        Span<byte> reply = stackalloc byte[64];
        Utf8.TryWrite(reply, $"250 2.0.0 Ok: queued as {id}\r\n", out var length);
        return answers.Say(reply[..length]);
    }

    // Odoo's connection test ends like this: no message, no fault.
    private bool Lost(IncomingContent content)
    {
        door.Logger.ContentLost(client, wire.End, content.Length);
        return false;
    }
}
