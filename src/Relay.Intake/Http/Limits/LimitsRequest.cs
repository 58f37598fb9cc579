using System.Globalization;
using Microsoft.AspNetCore.Http;
using Relay.Intake.Http.Json;
using Relay.Mail.Accounts;

namespace Relay.Intake.Http.Limits;

/// <summary>Limits as they are set, all at once: what is left out is not limited.</summary>
internal sealed record LimitsRequest
{
    // A message a day is a rate too; beyond a million nobody waits for anything.
    private const decimal SlowestRate = 0.00001m;
    private const decimal FastestRate = 1_000_000;

    /// <summary>Messages a second, below one too; what comes faster waits.</summary>
    public double? PerSecond { get; init; }

    /// <summary>Recipients a day; what is more is refused.</summary>
    public long? PerDay { get; init; }

    /// <summary>Recipients a month; what is more is refused.</summary>
    public long? PerMonth { get; init; }

    /// <summary>Reads them as the whole of a request.</summary>
    /// <exception cref="ProblemException">One of them is none.</exception>
    public static async ValueTask<SendingLimits> ReadAsync(HttpContext context)
    {
        var request = await RequestBody.ReadAsync(context, ApiJson.Default.LimitsRequest);
        var errors = new FieldErrors();
        var limits = request.Read("", errors);
        errors.ThrowIfAny();
        return limits;
    }

    /// <param name="field">Where they stand in the request.</param>
    public SendingLimits Read(string field, FieldErrors errors)
    {
        if (PerSecond is { } rate && !(rate is >= (double)SlowestRate and <= (double)FastestRate))
        {
            errors.Add($"{field}perSecond", string.Create(CultureInfo.InvariantCulture, $"must be a number from {SlowestRate} to {FastestRate}"));
        }

        if (PerDay < 1)
        {
            errors.Add($"{field}perDay", "must be at least 1");
        }

        if (PerMonth < 1)
        {
            errors.Add($"{field}perMonth", "must be at least 1");
        }

        return new SendingLimits { PerSecond = PerSecond, PerDay = PerDay, PerMonth = PerMonth };
    }
}

/// <summary>Limits as they stand.</summary>
internal sealed record LimitsView(double? PerSecond, long? PerDay, long? PerMonth)
{
    public static LimitsView? Of(SendingLimits? limits) => limits is null ? null : new(limits.PerSecond, limits.PerDay, limits.PerMonth);
}
