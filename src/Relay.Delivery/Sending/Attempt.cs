using Relay.Delivery.Scheduling;
using Relay.Mail.Events;
using Relay.Mail.Messages;
using Relay.Mail.Queue;
using Relay.Smtp.Client;

namespace Relay.Delivery.Sending;

/// <summary>
/// One attempt of a unit: its open recipients, in one transaction or several, and what became of each. After an uncertain
/// attempt each recipient travels alone and step by step, so that what is unclear again concerns one of them only.
/// </summary>
internal sealed class Attempt
{
    private IReadOnlyList<int> _recipients;
    private readonly Outcome?[] _outcomes;
    private readonly Contact[] _contacts;
    private readonly int _leftOut;
    private int _done;

    // Of recipients in one transaction, by what the remote took at the last.
    private int _most = int.MaxValue;

    public Attempt(HeldLease held)
        : this(held.Lease, held.Suppressed)
    {
    }

    /// <param name="leftOut">Open recipients that nothing is sent to, and why; null when there are none.</param>
    public Attempt(Lease lease, IReadOnlyDictionary<int, Outcome.Suppressed>? leftOut)
    {
        Lease = Sent = lease;
        _recipients = leftOut is null ? lease.Open : [.. leftOut.Keys, .. lease.Open.Where(recipient => !leftOut.ContainsKey(recipient))];
        _outcomes = new Outcome?[_recipients.Count];
        _contacts = new Contact[_recipients.Count];
        foreach (var outcome in leftOut?.Values ?? [])
        {
            _outcomes[_leftOut++] = outcome;
        }

        _done = _leftOut;
    }

    public Lease Lease { get; }

    /// <summary>The same, with the content as it is sent: that of the message, or a copy of it.</summary>
    public Lease Sent { get; private set; }

    /// <summary>What is sent instead of the content; null when there can be no copy. Asked for once.</summary>
    public MessageContent? Copy
    {
        set
        {
            HasCopy = true;
            Sent = value is null ? Lease : Lease with { Message = Lease.Message with { Content = value } };
        }
    }

    public bool HasCopy { get; private set; }

    public string Domain => Lease.Unit.Lane.Domain;

    /// <summary>What the message demands of the connection.</summary>
    public TlsDemand Demand => Lease.Message.Envelope.Tls;

    public string? HostToTryFirst => Lease.State?.UncertainHost;

    public bool IsCareful => HostToTryFirst is not null;

    public bool IsOver => _done == _recipients.Count;

    public bool IsUntouched => _done == _leftOut;

    /// <summary>Nobody got anything and nobody was refused: it may count as not made.</summary>
    public bool ChangedNothing => Array.TrueForAll(_outcomes, o => o is Outcome.Deferred or Outcome.Suppressed);

    /// <summary>Our turn at the unit was over before anything came of it.</summary>
    public bool CountsAsNone { get; private set; }

    public Contact LastContact { get; private set; }

    /// <summary>From the end of the message to the answer; null where it says nothing about the remote.</summary>
    public TimeSpan? Took { get; set; }

    /// <summary>What it came to for each recipient, once it is over.</summary>
    public ReadOnlySpan<Outcome> Outcomes => _outcomes!;

    /// <summary>The batch with these outcomes is the last one, and nothing about it asks for care.</summary>
    public bool EndsWith(Outcome?[] batch) => !IsCareful && _done + batch.Length == _recipients.Count && !Array.Exists(batch, IsOneTooMany);

    /// <summary>The recipients of the next transaction, and room for their outcomes.</summary>
    public (IReadOnlyList<int> Recipients, Outcome?[] Outcomes) NextBatch(EhloCapabilities offered)
    {
        var count = Math.Min(_recipients.Count - _done, IsCareful ? 1 : Math.Min(_most, offered.MaxRecipients ?? int.MaxValue));
        return count == _recipients.Count
            ? (_recipients, _outcomes)
            : ([.. _recipients.Skip(_done).Take(count)], new Outcome?[count]);
    }

    /// <param name="goesOn">The connection is in order: recipients that were too many for this transaction get another one.</param>
    public void EndBatch(Outcome?[] outcomes, Contact contact, bool goesOn = false)
    {
        if (outcomes != _outcomes)
        {
            outcomes.CopyTo(_outcomes, _done);
        }

        var ended = goesOn && Array.Exists(outcomes, IsOneTooMany) ? outcomes.Length - PutBack(outcomes.Length) : outcomes.Length;
        _contacts.AsSpan(_done, ended).Fill(contact);
        _done += ended;
        LastContact = contact;
    }

    public void EndRest(Outcome outcome, Contact contact)
    {
        _outcomes.AsSpan(_done).Fill(outcome);
        _contacts.AsSpan(_done).Fill(contact);
        _done = _recipients.Count;
        LastContact = contact;
    }

    /// <summary>The same, each recipient in its own way.</summary>
    /// <param name="outcomeOf">Takes the index into the envelope's recipients.</param>
    public void EndRest(Func<int, Outcome> outcomeOf, Contact contact)
    {
        for (; _done < _recipients.Count; _done++)
        {
            _outcomes[_done] = outcomeOf(_recipients[_done]);
            _contacts[_done] = contact;
        }

        LastContact = contact;
    }

    /// <summary>Our turn at the unit is over; what earlier transactions of the attempt came to still holds.</summary>
    public void EndTurn()
    {
        CountsAsNone = IsUntouched;
        EndRest(new Outcome.Deferred("not tried: this node's turn was over", DeliveryRules.TurnOver), default);
    }

    /// <summary>What was said, where somebody may ask for it; null where all went well.</summary>
    public List<TranscriptLine>? Dialogue { get; private set; }

    public void Overhear(IEnumerable<TranscriptLine> lines) => (Dialogue ??= []).AddRange(lines);

    /// <summary>The same as it is kept; null where there is nothing to keep.</summary>
    public Transcript? ToTranscript(DateTimeOffset now) => Dialogue is not { Count: > 0 } lines ? null : new Transcript
    {
        Message = Lease.Message.Id,
        Time = now,
        Attempt = Lease.Attempts + 1,
        Domain = Domain,
        IsSample = Array.TrueForAll(_outcomes, o => o is Outcome.Delivered),
        Lines = lines,
    };

    public Settlement ToSettlement(Settlements settlements) => settlements.Of(Lease, _recipients, _outcomes!, _contacts);

    private static bool IsOneTooMany(Outcome? outcome) => outcome is Outcome.Deferred { IsOneTooMany: true };

    // Puts those of the next outcomes to the end that ask for a transaction of their own, and takes these back; says how many.
    // Only where the remote took others, so that each transaction leaves fewer for the next.
    private int PutBack(int count)
    {
        var batch = _outcomes.AsSpan(_done, count).ToArray();
        var tooMany = batch.Count(IsOneTooMany);
        var taken = batch.Count(outcome => outcome is Outcome.Delivered);
        if (taken == 0)
        {
            return 0;
        }

        _most = taken;
        var ended = Enumerable.Range(0, count).Where(i => !IsOneTooMany(batch[i])).ToArray();
        var left = Enumerable.Range(0, count).Where(i => IsOneTooMany(batch[i]));
        _recipients = [.. _recipients.Take(_done), .. ended.Concat(left).Select(i => _recipients[_done + i]), .. _recipients.Skip(_done + count)];
        for (var i = 0; i < count; i++)
        {
            _outcomes[_done + i] = i < ended.Length ? batch[ended[i]] : null;
        }

        return tooMany;
    }
}
