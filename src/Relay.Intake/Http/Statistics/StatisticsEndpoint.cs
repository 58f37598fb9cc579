using System.Globalization;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Access;
using Relay.Intake.Http.Json;
using Relay.Mail;
using Relay.Mail.Events;

namespace Relay.Intake.Http.Statistics;

/// <summary><c>GET /stats</c>: an account's events by day and kind.</summary>
internal sealed class StatisticsEndpoint(IStatisticsReader statistics, TimeProvider time)
{
    private const string Format = "yyyy-MM-dd";
    private const int UsualDays = 30;

    // As long as they are kept.
    private const int MaxDays = 400;

    public async Task<IResult> ReadAsync(HttpContext context, string? from, string? to)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var last = Day("to", to) ?? today;
        var first = Day("from", from) ?? DateOnly.FromDayNumber(Math.Max(0, last.DayNumber + 1 - UsualDays));
        if (first > last || last.DayNumber - first.DayNumber >= MaxDays)
        {
            throw new ProblemException(Problem.Unprocessable("from", $"is after 'to', or more than {MaxDays} days before it"));
        }

        var days = await statistics.ReadAsync(Caller.Of(context).Account, first, last, context.RequestAborted);
        return TypedResults.Json(new Page<DayView>([.. days.Select(DayView.Of)]), AnswerJson.Default.PageDayView);
    }

    private static DateOnly? Day(string name, string? text) =>
        text is null ? null
        : DateOnly.TryParseExact(text, Format, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day
        : throw new ProblemException(Problem.Unprocessable(name, $"is not a day of the form {Format}"));
}

/// <param name="Day">By UTC.</param>
/// <param name="Events">How many of each kind: messages for accepted and cancelled, recipients for all others.</param>
internal sealed record DayView(DateOnly Day, IReadOnlyDictionary<string, long> Events)
{
    public static DayView Of(DayStatistics day) =>
        new(day.Day, day.Events.OrderBy(e => e.Key).ToDictionary(e => Word.Of(e.Key), e => e.Value));
}
