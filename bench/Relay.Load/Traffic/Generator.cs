using Relay.Load.Traffic.Http;
using Relay.Load.Traffic.Smtp;

namespace Relay.Load.Traffic;

/// <summary>
/// Sends the messages of a ledger through a door. A session is a thread that blocks on its socket: of the ways .NET
/// offers this one costs the least CPU a message, and that CPU is missing to the server under test.
/// </summary>
internal sealed class Generator(TrafficPlan plan, Door door)
{
    // A door that fails this often in a row will not get better within the run.
    private const int FailuresInARow = 5;

    private const int StackSize = 256 * 1024;

    public void Run(Ledger ledger, CancellationToken cancellation)
    {
        // The clock starts with the first message, so all sessions are connected by then.
        using var ready = new Barrier(plan.Sessions);
        var threads = Enumerable.Range(0, plan.Sessions)
            .Select(_ => new Thread(() => Work(ledger, ready, cancellation), StackSize) { IsBackground = true })
            .ToArray();

        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
    }

    private void Work(Ledger ledger, Barrier ready, CancellationToken cancellation)
    {
        using var session = NewSession();
        var open = !plan.NewConnection && TryOpen(session, ledger);
        ready.SignalAndWait(CancellationToken.None);

        var failures = 0;
        while (failures < FailuresInARow && !cancellation.IsCancellationRequested && ledger.TryTake(out var token))
        {
            open = TrySend(session, open, ledger, token);
            failures = open ? 0 : failures + 1;
            open &= !plan.NewConnection;
            if (plan.Pause > TimeSpan.Zero)
            {
                Thread.Sleep(plan.Pause);
            }
        }
    }

    /// <summary>False when the connection did not survive.</summary>
    private bool TrySend(ISession session, bool open, Ledger ledger, LoadToken token)
    {
        ledger.Begin(token);
        try
        {
            if (!open)
            {
                session.Open();
            }

            if (session.Send(token, (int)(token.Number % (uint)plan.Domains)) is { } refusal)
            {
                ledger.Refuse(refusal);
            }
            else
            {
                ledger.Accept(token);
                if (plan.AwaitsArrival)
                {
                    ledger.AwaitArrival(token, plan.Timeout);
                }
            }

            return true;
        }
        catch (IOException broken)
        {
            ledger.Refuse(broken.Message);
            return false;
        }
    }

    private static bool TryOpen(ISession session, Ledger ledger)
    {
        try
        {
            session.Open();
            return true;
        }
        catch (IOException)
        {
            // The first message opens it again and notes why it cannot.
            return false;
        }
    }

    private ISession NewSession() => door.Http ? new HttpSession(plan, door) : new SmtpSession(plan, door);
}
