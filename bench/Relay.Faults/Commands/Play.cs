using Relay.Faults.Checking;
using Relay.Faults.Scenarios;
using Relay.Faults.Stages;

namespace Relay.Faults.Commands;

/// <summary>Plays one scenario on one store, and turns whatever keeps it from being played into a row that says so.</summary>
internal static class Play
{
    /// <summary>How xunit marks the message of a test that is to be skipped; the kit's parts speak to it.</summary>
    private const string SkipMark = "$XunitDynamicSkip$";

    public static async Task<Row> RunAsync(Scenario scenario, RunRequest request, CancellationToken cancellation)
    {
        if (scenario.NeedsRoot && !Environment.IsPrivilegedProcess)
        {
            return new Row(scenario, request, null, "skipped: needs root");
        }

        try
        {
            return new Row(scenario, request, await scenario.PlayAsync(request, cancellation), null);
        }
        catch (Exception e) when (e.Message.StartsWith(SkipMark, StringComparison.Ordinal))
        {
            return new Row(scenario, request, null, $"skipped: {e.Message[SkipMark.Length..]}");
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            return new Row(scenario, request, null, $"broke off: {e}");
        }
    }
}

/// <param name="Verdict">Null when it was not played to its end.</param>
/// <param name="WhyNot">Why not.</param>
internal sealed record Row(Scenario Scenario, RunRequest Request, Verdict? Verdict, string? WhyNot)
{
    /// <summary>What could not be played here is no failure, but is not silent either.</summary>
    public bool HasFailed => Verdict is { Holds: false } || WhyNot?.StartsWith("broke off", StringComparison.Ordinal) == true;
}
