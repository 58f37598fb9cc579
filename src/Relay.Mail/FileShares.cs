namespace Relay.Mail;

/// <summary>
/// Who may use how many of the files that this process may have open. The system gives out the lowest number that is free, so that
/// one with a high number shows that all below are in use: nobody has to count.
/// </summary>
/// <param name="Deliveries">Connections for mail stay below this number.</param>
/// <param name="Requests">Connections of HTTP clients stay below this number.</param>
/// <param name="Sessions">Connections of SMTP clients stay below this number.</param>
public sealed record FileShares(int Deliveries, int Requests, int Sessions)
{
    private const string Limits = "/proc/self/limits";

    // The store's files, questions to the DNS and the runtime itself open some at any time, and the runtime ends the process when it
    // can open none.
    private const int LeastReserve = 64;
    private const int PartReserved = 8;

    // What was taken in must be able to leave, however many clients there are: theirs are held for minutes by whoever only connects.
    // And who asks for the health, or wants to change something, must not be kept out by those who send.
    private const int PartWithoutSessions = 4;
    private const int PartWithoutRequests = 8;

    public static FileShares Ours { get; } = Of(File.Exists(Limits) ? File.ReadAllText(Limits) : "");

    // Max open files            1024                 1048576              files
    public static FileShares Of(string limits)
    {
        var line = limits.Split('\n').FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        if (line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [_, _, _, var soft, ..] || !int.TryParse(soft, out var limit))
        {
            return new FileShares(int.MaxValue, int.MaxValue, int.MaxValue);
        }

        var deliveries = Math.Max(1, limit - Math.Max(LeastReserve, limit / PartReserved));
        return new FileShares(deliveries, deliveries - (deliveries / PartWithoutRequests), deliveries - (deliveries / PartWithoutSessions));
    }
}
