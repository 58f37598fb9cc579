using Relay.Delivery.Connections;
using Relay.Delivery.Routing;
using Relay.Mail.Crashing;

namespace Relay.Delivery.Sending;

/// <summary>
/// Transactions that leave together, each with its envelope and its content by BDAT, in one write (RFC 3030, 4.2): over a long
/// line several messages for one round trip. What makes that safe:
/// <list type="bullet">
/// <item>The host has taken a chunk before with each command answered first, and the last transaction of this connection was
/// delivered. A server that did not swallow a refused chunk would take the content for commands.</item>
/// <item>Each has no more recipients than the connection has taken at a time: of those that are too many none is lost sight of.</item>
/// <item>Each envelope but the first of a connection begins with RSET, so that nothing is left of a transaction that failed.</item>
/// <item>Before the first octet leaves, each lease is asked for and each unit noted.</item>
/// <item>A yes to a content is told from a yes to an address by its enhanced code, so a reply too many is noticed. A no counts
/// when RSET behind the flight is answered by one 2yz and nothing more, or when the remote has gone with 421.</item>
/// <item>What left and has no answer that fits is uncertain, each for itself. Behind a 421 and the end of the connection
/// nothing was taken: no attempt.</item>
/// </list>
/// </summary>
internal sealed class Flight(SmtpConnection connection, RoutePlan plan, CourierOffice office)
{
    // One write takes as much from us without waiting.
    private const int MaxOctets = 64 * 1024;

    private readonly List<(Carriage Carriage, Transaction Transaction, int End)> _aboard = [];

    public int Count => _aboard.Count;

    public IEnumerable<Carriage> Carriages => _aboard.Select(a => a.Carriage);

    /// <summary>False, with nothing done, for what has to go another way.</summary>
    public async ValueTask<bool> TryBoardAsync(Carriage carriage)
    {
        var attempt = carriage.Attempt;
        if (attempt.IsCareful || connection.Output.Length >= MaxOctets || !office.Suits(connection, plan, attempt))
        {
            return false;
        }

        var transaction = office.NewTransaction(connection, attempt);
        if (!transaction.IsByChunk || !transaction.IsWhole || transaction.Outcomes.Length > connection.MostTaken || !attempt.EndsWith(transaction.Outcomes) || !await office.MayEndAsync(connection, attempt))
        {
            return false;
        }

        transaction.WriteWhole();
        _aboard.Add((carriage, transaction, connection.Output.Length));
        return true;
    }

    /// <summary>
    /// Lets it go and hears what became of each: its attempt is over afterwards, or was none. False when the connection is of
    /// no more use.
    /// </summary>
    /// <param name="landed">Told of each that is certain, as soon as it is.</param>
    public async ValueTask<bool> FlyAsync(Action<Carriage> landed)
    {
        if (connection.HasEarlyReply)
        {
            return false;
        }

        CrashPoints.Pass(CrashPoint.BeforeDot);
        var length = connection.Output.Length;
        var handed = await connection.HandOverAsync(office.Options.Timeouts.DataBlock);
        CrashPoints.Pass(CrashPoint.AfterDot);
        var gone = handed switch
        {
            Handed.All => length,
            Handed.Part => length - 1,
            _ => 0,
        };
        try
        {
            return await HearAsync(gone, landed) && handed == Handed.All;
        }
        catch
        {
            DoubtFrom(0, gone);
            throw;
        }
    }

    private async ValueTask<bool> HearAsync(int gone, Action<Carriage> landed)
    {
        var heard = 0;
        var began = office.Time.GetTimestamp();
        while (heard < _aboard.Count && await _aboard[heard].Transaction.HearWholeAsync())
        {
            // The first answer tells how long one takes; the others stood in line behind it.
            var (carriage, transaction, _) = _aboard[heard++];
            carriage.Attempt.Took = heard == 1 ? office.Time.GetElapsedTime(began) : null;
            if (transaction.IsDelivered)
            {
                End(carriage, transaction);
                landed(carriage);
            }
        }

        var isWhole = heard == _aboard.Count;
        if (isWhole && !connection.HasBuffered && !connection.SaidGoodbye && _aboard.TrueForAll(a => a.Carriage.Attempt.IsOver))
        {
            connection.FlightSize = Math.Min(connection.FlightSize * 2, office.Options.MessagesInFlight);
            return true;
        }

        connection.FlightSize = 0;
        var left = connection.SaidGoodbye && (await connection.ReadReplyAsync(office.Options.Timeouts.Quit)).IsLost;
        var inStep = left || (isWhole && await connection.ResetAsync(office.Options.Timeouts.Mail));
        if (!inStep && !connection.IsLost)
        {
            office.ChunkingHosts.Fail(connection.Place);
        }

        for (var i = 0; i < heard; i++)
        {
            var (carriage, transaction, _) = _aboard[i];
            if (!carriage.Attempt.IsOver)
            {
                if (!inStep)
                {
                    transaction.Doubt();
                }

                End(carriage, transaction);
            }
        }

        DoubtFrom(heard, left ? 0 : gone);
        return isWhole && inStep && !left;
    }

    // Those from here on have no answer: what may have gone is uncertain, the rest was not tried.
    private void DoubtFrom(int first, int gone)
    {
        for (var i = first; i < _aboard.Count; i++)
        {
            var (carriage, transaction, end) = _aboard[i];
            if (carriage.Attempt.IsOver)
            {
                continue;
            }

            if (end <= gone)
            {
                transaction.Doubt();
                End(carriage, transaction);
            }
            else if (transaction.TryGiveUp())
            {
                End(carriage, transaction);
            }
        }
    }

    private void End(Carriage carriage, Transaction transaction)
    {
        carriage.Attempt.EndBatch(transaction.Outcomes, Contact.With(connection));
        transaction.EndDialogue(carriage.Attempt, office.Transcripts);
    }
}
