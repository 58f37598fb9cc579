using Relay.Faults.Ledgers;

namespace Relay.Faults.Clients;

/// <summary>
/// Many clients at once, over both doors, that write down what they were told. What carries an Idempotency-Key is sent
/// again until somebody says yes, or no for certain, as a good client does; the rest is sent once.
/// </summary>
internal sealed class LedgerClients
{
    private const int MaxTries = 60;

    private readonly LoadPlan _plan;
    private readonly LedgerBook _book;
    private readonly IReadOnlyList<RelayDoor> _doors;
    private readonly IReadOnlyList<Tenant> _tenants;
    private readonly string _prefix;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private int _next;

    private LedgerClients(string prefix, LoadPlan plan, LedgerBook book, IReadOnlyList<RelayDoor> doors, IReadOnlyList<Tenant> tenants, int seed)
    {
        _prefix = prefix;
        _plan = plan;
        _book = book;
        _doors = doors;
        _tenants = tenants;
        _running = Task.WhenAll(Enumerable.Range(0, plan.Sessions).Select(session => Task.Run(() => RunAsync(new Random(HashCode(seed, session))))));
    }

    public static LedgerClients Start(
        string prefix, LoadPlan plan, LedgerBook book, IReadOnlyList<RelayDoor> doors, IReadOnlyList<Tenant> tenants, int seed) =>
        new(prefix, plan, book, doors, tenants, seed);

    /// <summary>Ends when all that were to be sent have been; only with <see cref="LoadPlan.Messages"/>.</summary>
    public Task Done => _running;

    /// <summary>Begins nothing new and waits for the answers that are due.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    private async Task RunAsync(Random random)
    {
        while (!_stop.IsCancellationRequested && Take() is { } number)
        {
            var tenant = _plan.InboundPort is null ? _tenants[random.Next(_tenants.Count)] : _tenants[0];
            var door = _plan.InboundPort is null && random.NextDouble() < _plan.HttpShare ? Door.Http : Door.Smtp;
            using var session = Open(door, tenant, random);
            for (var left = random.Next(1, 20); left > 0 && !_stop.IsCancellationRequested; left--)
            {
                var mail = Make($"{_prefix}-{number:x6}", random);
                var submitted = await SubmitAsync(session, mail, door, tenant, random);
                await PauseAsync(submitted ? _plan.Pause * (2 * random.NextDouble()) : TimeSpan.FromMilliseconds(200));
                if (!submitted || left == 1 || Take() is not { } another)
                {
                    break;
                }

                number = another;
            }
        }
    }

    // Null when all have been sent.
    private int? Take()
    {
        var number = Interlocked.Increment(ref _next);
        return _plan.Messages == 0 || number <= _plan.Messages ? number : null;
    }

    // False when the session is of no more use.
    private async Task<bool> SubmitAsync(ILedgerSession session, LedgerMail mail, Door door, Tenant tenant, Random random)
    {
        var began = DateTimeOffset.UtcNow;
        var answer = await session.SubmitAsync(mail, CancellationToken.None);
        var mayHave = answer.Outcome == SubmissionOutcome.Info;
        var tries = 1;
        for (; tries < MaxTries && mail.IdempotencyKey is not null && answer.IsForNow && (mayHave || !_stop.IsCancellationRequested); tries++)
        {
            // Not ended by the stop: an unanswered mail is asked after until the relay is back.
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 1_000)));
            using var again = Open(door, tenant, random);
            answer = await again.SubmitAsync(mail, CancellationToken.None);
            mayHave |= answer.Outcome == SubmissionOutcome.Info;
        }

        // A refusal of the last try says nothing about the first, which may have got through.
        var outcome = answer.Outcome == SubmissionOutcome.Fail && mayHave ? SubmissionOutcome.Info : answer.Outcome;
        if (answer.Began || outcome != SubmissionOutcome.Fail)
        {
            _book.Add(new Submission(
                mail.Token, tenant.Account, door, answer.Recipients ?? mail.Recipients, mail.BodyHash, mail.IdempotencyKey is not null, tries,
                began, DateTimeOffset.UtcNow, outcome, answer.Id, answer.Words));
        }

        return answer.Outcome == SubmissionOutcome.Ok;
    }

    private LedgerMail Make(string token, Random random)
    {
        var count = random.Next(2) == 0 ? 1 : random.Next(1, _plan.MaxRecipients + 1);
        string[] recipients = [.. Enumerable.Range(0, count).Select(r => $"{token}.{r}@{_plan.Domains[random.Next(_plan.Domains.Count)]}")];
        var octets = random.NextDouble() < _plan.LargeShare ? random.Next(300_000, 700_000) : random.Next(200, 8_000);
        return LedgerMail.Make(token, recipients, random, octets, random.NextDouble() < _plan.KeyShare);
    }

    private ILedgerSession Open(Door door, Tenant tenant, Random random)
    {
        var relay = _doors[random.Next(_doors.Count)];
        if (_plan.InboundPort is { } port)
        {
            return new SmtpLedgerSession(relay with { SmtpPort = port }, null, _plan.Timeout);
        }

        return door == Door.Http ? new HttpLedgerSession(relay, tenant, _plan.Timeout) : new SmtpLedgerSession(relay, tenant, _plan.Timeout);
    }

    private Task PauseAsync(TimeSpan pause) => Task.Delay(pause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);

    // The same seed gives the same clients in every run, which HashCode would not.
    private static int HashCode(int seed, int session) => unchecked((seed * 397) ^ (session * 7919));
}
