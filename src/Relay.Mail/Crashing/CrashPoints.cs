using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Relay.Mail.Crashing;

/// <summary>
/// Kills this process as <c>kill -9</c> does when it passes a chosen point for the n-th time:
/// <c>RELAY_CRASH_AT=after-dot:3</c>. Made for the scenarios that prove that nothing is lost, and part of every build,
/// so that what is proved is what is shipped. Without the variable nothing is left of it: the runtime knows the flag's
/// value when it compiles the callers, and leaves the call out.
/// </summary>
public static class CrashPoints
{
    public const string Variable = "RELAY_CRASH_AT";

    /// <summary>The points as the variable names them.</summary>
    // Stands before what is read from it: static fields are made in the order of the text.
    internal static IReadOnlyList<(string Name, CrashPoint Point)> All { get; } =
    [
        ("body-stored", CrashPoint.BodyStored),
        ("before-commit", CrashPoint.BeforeCommit),
        ("after-commit", CrashPoint.AfterCommit),
        ("before-250", CrashPoint.Before250),
        ("after-250", CrashPoint.After250),
        ("leased", CrashPoint.Leased),
        ("before-mail", CrashPoint.BeforeMail),
        ("after-rcpt", CrashPoint.AfterRcpt),
        ("after-data", CrashPoint.AfterData),
        ("before-dot", CrashPoint.BeforeDot),
        ("after-dot", CrashPoint.AfterDot),
        ("after-reply", CrashPoint.AfterReply),
        ("journal-done", CrashPoint.JournalDone),
        ("before-ack", CrashPoint.BeforeAck),
        ("after-ack", CrashPoint.AfterAck),
        ("before-event", CrashPoint.BeforeEvent),
        ("webhook-sent", CrashPoint.WebhookSent),
    ];

    private static readonly Plan? Planned = Plan.Read(Environment.GetEnvironmentVariable(Variable));
    private static readonly bool IsArmed = Planned?.Point is not null;
    private static int _passed;

    /// <summary>Why the variable cannot be obeyed; null when it can, or is not set. A test that kills nothing would prove nothing.</summary>
    public static string? Problem => Planned?.Problem;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pass(CrashPoint point)
    {
        if (IsArmed)
        {
            DieAt(point);
        }
    }

    private static void DieAt(CrashPoint point)
    {
        if (point == Planned!.Point && Interlocked.Increment(ref _passed) == Planned.Time)
        {
            // SIGKILL: no handler runs, nothing is flushed.
            using var self = Process.GetCurrentProcess();
            self.Kill();
            Thread.Sleep(Timeout.Infinite);
        }
    }

    /// <param name="Time">At which passing, from 1.</param>
    internal sealed record Plan(CrashPoint? Point, int Time, string? Problem)
    {
        public static Plan? Read(string? text)
        {
            if (string.IsNullOrEmpty(text))
            {
                return null;
            }

            var colon = text.IndexOf(':', StringComparison.Ordinal);
            var name = colon < 0 ? text : text[..colon];
            var time = 1;
            if (colon >= 0 && (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out time) || time < 1))
            {
                return new Plan(null, 0, $"{Variable} is '{text}'; behind the colon stands at which passing, a number from 1");
            }

            foreach (var known in All)
            {
                if (known.Name == name)
                {
                    return new Plan(known.Point, time, null);
                }
            }

            return new Plan(null, 0, $"{Variable} is '{text}'; the points are {string.Join(", ", All.Select(p => p.Name))}");
        }
    }
}
