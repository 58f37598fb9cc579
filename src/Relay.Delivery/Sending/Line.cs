using Relay.Delivery.Connections;
using Relay.Delivery.Scheduling;
using Relay.Mail.Queue;

namespace Relay.Delivery.Sending;

/// <summary>A courier's connection to its site: opened when it is needed, kept while it fits, given up when it does not.</summary>
internal sealed class Line(Site site, CourierOffice office)
{
    // A connection that was used this moment is alive; one that rested longer may have lost its other end without a sign.
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    private long _restBegan;

    // By its number: the mail itself may be large, and the connection outlives it.
    private (UnitId Unit, int Attempts)? _openedFor;

    public SmtpConnection? Connection { get; private set; }

    /// <summary>The site counts the connection among its own.</summary>
    public bool IsCounted { get; set; }

    /// <summary>Another transaction may begin on it.</summary>
    public bool HasTurnsLeft => Connection is { } open
        && open.Messages < Math.Min(site.Standing.Provider.Ceilings.MessagesPerConnection, open.Capabilities.MaxMessages ?? int.MaxValue);

    /// <summary>Null when there is a connection that fits.</summary>
    public async ValueTask<Opened.Failed?> OpenAsync(Attempt attempt)
    {
        if (Connection is { } open)
        {
            if (Fits(open, attempt))
            {
                office.Metrics.ConnectionReused();
                return null;
            }

            await DropAsync(politely: !open.HasInput);
        }

        switch (await office.Connector.OpenAsync(site.Plan, new ConnectionWish(attempt.Domain, attempt.Demand, attempt.HostToTryFirst), office.Aborted))
        {
            case Opened.Ready ready:
                (Connection, _openedFor) = (ready.Connection, NumberOf(attempt));
                Connection.FlightSize = office.ChunkingHosts.HasPassed(Connection.Place) ? 1 : 0;
                IsCounted = true;
                office.Pause.Connected();
                office.Aftermath.Reached(site);
                return null;
            case var other:
                return (Opened.Failed)other;
        }
    }

    public void BeginRest() => _restBegan = office.Time.GetTimestamp();

    /// <summary>Nothing goes over it for a while: it holds no memory for what could.</summary>
    public void FreeMemory() => Connection!.Output.Dispose();

    public void EndRest() => Connection!.WasIdle = office.Time.GetElapsedTime(_restBegan) > Idle;

    public async ValueTask DropAsync(bool politely)
    {
        if (Connection is not { } connection)
        {
            return;
        }

        Connection = null;
        try
        {
            if (politely)
            {
                await connection.QuitAsync(office.Options.Timeouts.Quit);
            }
            else
            {
                connection.Dispose();
            }
        }
        finally
        {
            // Not before: a receiver counts what is open, and whoever is told may open the next one at once.
            if (IsCounted)
            {
                IsCounted = false;
                site.Disconnected();
            }
        }
    }

    // The host to try first has been tried already where the connection was opened for this very attempt.
    private bool Fits(SmtpConnection open, Attempt attempt) =>
        !open.HasInput
        && HasTurnsLeft
        && office.Suits(open, site.Plan, attempt)
        && (attempt.HostToTryFirst is not { } host || host == open.Host.Name || _openedFor == NumberOf(attempt));

    private static (UnitId Unit, int Attempts) NumberOf(Attempt attempt) => (attempt.Lease.Id, attempt.Lease.Attempts);
}
