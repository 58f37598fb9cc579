namespace Relay.Load.Budget;

/// <summary>
/// The stops of a message's walk, and which code belongs to each: the frame nearest to where a sample was taken that has one of
/// these names in it decides, so that the runtime and the kernel count where they work for someone. Some calls into libc hide
/// who called them: they have rows of their own.
/// </summary>
internal static class Stages
{
    public const string Runtime = "runtime: the rest";

    /// <summary>In the order of the walk.</summary>
    public static readonly IReadOnlyList<string> Names =
    [
        "accept", "parse", "admission", "store client", "store", "schedule", "connection", "settle", "projection", "telemetry",
        "any socket: sending", "any socket: receiving", "runtime: waiting and waking", "runtime: compiling", Runtime,
    ];

    // The first that fits a frame: what is special before what it is a part of.
    private static readonly (string Mark, string Stage)[] s_marks =
    [
        ("libclrjit.so", "runtime: compiling"),
        ("OpenTelemetry.", "telemetry"),
        ("StackExchange.Redis.", "store client"),
        ("RESPite.", "store client"),
        ("Pipelines.Sockets.Unofficial.", "store client"),
        ("Relay.Redis.Activity.", "projection"),
        ("Relay.Redis.Statistics.", "projection"),
        ("Relay.Redis.Steps.ProjectStep", "projection"),
        ("Relay.Redis.Steps.SettleStep", "settle"),
        ("Relay.Redis.Queue.Settle", "settle"),
        ("Relay.Redis.Queue.PartitionSettle", "settle"),
        ("Relay.Redis.Queue.PendingSettle", "settle"),
        ("Relay.Redis.Queue.RecentOutcomes", "settle"),
        ("Relay.Redis.Journal.", "settle"),
        ("Relay.Delivery.Scheduling.Settler", "settle"),
        ("Relay.Delivery.Sending.Settlements", "settle"),
        ("Relay.Redis.Queue.AcceptWriter", "store client"),
        ("Relay.Redis.Queue.", "schedule"),
        ("Relay.Redis.Embedded.", "store"),
        ("Relay.Redis.", "store client"),
        ("Relay.Delivery.Scheduling.", "schedule"),
        ("Relay.Delivery.Providers.", "schedule"),
        ("Relay.Delivery.Routing.", "schedule"),
        ("Relay.Delivery.", "connection"),
        ("Relay.Intake.Admission.", "admission"),
        ("Relay.Intake.Composition.", "admission"),
        ("Relay.Mail.Signing.", "admission"),
        ("Relay.Intake.", "accept"),
        ("Microsoft.AspNetCore.", "accept"),
        ("Relay.Smtp.", "parse"),
    ];

    private static readonly (string Mark, string Stage)[] s_calls =
    [
        (" __send", "any socket: sending"),
        (" send", "any socket: sending"),
        (" __libc_recv", "any socket: receiving"),
        (" recv", "any socket: receiving"),
        (" epoll_wait", "runtime: waiting and waking"),
        ("futex", "runtime: waiting and waking"),
        ("pthread_cond", "runtime: waiting and waking"),
        ("lll_lock", "runtime: waiting and waking"),
        ("sched_yield", "runtime: waiting and waking"),
    ];

    /// <summary>Whose work a frame is; null where it does not tell, and its caller decides.</summary>
    public static string? Of(ReadOnlySpan<char> frame) => Find(s_marks, frame);

    /// <summary>What it does for someone who cannot be seen; null where it does not tell.</summary>
    public static string? OfCall(ReadOnlySpan<char> frame) => Find(s_calls, frame);

    private static string? Find((string Mark, string Stage)[] marks, ReadOnlySpan<char> frame)
    {
        foreach (var (mark, stage) in marks)
        {
            if (frame.Contains(mark, StringComparison.Ordinal))
            {
                return stage;
            }
        }

        return null;
    }
}
