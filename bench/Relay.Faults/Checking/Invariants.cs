using Relay.Faults.Ledgers;

namespace Relay.Faults.Checking;

/// <summary>What must hold of the ledgers once all is quiet. Each is a function of them alone and says what breaks it.</summary>
internal static class Invariants
{
    /// <summary>I1: what was accepted reached a sink, or came to an end that was told.</summary>
    // Neither a `delivered` that no sink knows of nor a `cancelled` that nobody asked for is such an end.
    public static IEnumerable<Finding> NothingIsLost(ClosedBook book)
    {
        var reached = Reached(book);
        var ended = book.Told.Where(t => t.Type is "bounced" or "expired" or "suppressed").Select(t => (t.Token, t.Recipient)).ToHashSet();
        return from submission in book.Submissions
               where submission.Outcome == SubmissionOutcome.Ok
               from recipient in submission.Recipients
               where !reached.Contains((submission.Token, recipient)) && !ended.Contains((submission.Token, recipient))
               select new Finding("I1", $"{submission.Token} {recipient}", $"lost: {submission.Door} said '{submission.Reply}' at {submission.Ended:HH:mm:ss.fff}, and then nothing");
    }

    /// <summary>I2: nothing reached a sink that was refused, or was never sent to that recipient.</summary>
    public static IEnumerable<Finding> NothingIsUnexpected(ClosedBook book)
    {
        var submissions = book.Submissions.ToDictionary(s => s.Token);
        foreach (var (token, recipient) in Reached(book))
        {
            if (!submissions.TryGetValue(token, out var submission))
            {
                yield return new Finding("I2", $"{token} {recipient}", "delivered, but no client ever got as far as to send it");
            }
            else if (submission.Outcome == SubmissionOutcome.Fail)
            {
                yield return new Finding("I2", $"{token} {recipient}", $"delivered, though it was refused: '{submission.Reply}'");
            }
            else if (!submission.Recipients.Contains(recipient))
            {
                yield return new Finding("I2", $"{token} {recipient}", "delivered to somebody it was not sent to");
            }
        }
    }

    /// <summary>I2, from the client's side: all that the clients send is in order, so nothing but time may stand in its way.</summary>
    public static IEnumerable<Finding> NothingIsRefusedForGood(ClosedBook book) =>
        from submission in book.Submissions
        where submission.Outcome == SubmissionOutcome.Fail && submission.Reply.StartsWith(submission.Door == Door.Smtp ? '5' : '4')
        select new Finding("I2", submission.Token, $"refused for good: '{submission.Reply}'");

    /// <summary>I8, for doors that are open: whoever asked had an answer before it lost its patience. Not for runs in which relays stand still.</summary>
    public static IEnumerable<Finding> NobodyWaitsInVain(ClosedBook book) =>
        from submission in book.Submissions
        where submission.Tries == 1 && submission.Reply.StartsWith("timeout", StringComparison.Ordinal)
        select new Finding("I8", submission.Token, $"no answer by {submission.Door} in {(submission.Ended - submission.Began).TotalSeconds:0} s");

    /// <summary>I3: of a message whose fate is unknown to its client, all recipients are served or none.</summary>
    public static IEnumerable<Finding> NothingIsHalf(ClosedBook book)
    {
        var served = Reached(book);
        served.UnionWith(book.Told.Where(t => t is { IsTerminal: true, Recipient: not null, Type: not "cancelled" }).Select(t => (t.Token, t.Recipient!)));
        return from submission in book.Submissions
               where submission.Outcome == SubmissionOutcome.Info
               let count = submission.Recipients.Count(r => served.Contains((submission.Token, r)))
               where count > 0 && count < submission.Recipients.Count
               select new Finding("I3", submission.Token, $"{count} of {submission.Recipients.Count} recipients were served");
    }

    /// <summary>I4: every double has a cause that kept the relay from knowing.</summary>
    public static IEnumerable<Finding> NothingIsDoubledWithoutCause(ClosedBook book) =>
        from d in Doubles.Of(book)
        where d.Cause is null
        select new Finding("I4", $"{d.Token} {d.Recipient}", $"taken at {d.First.At:HH:mm:ss.fff} and answered with 250, and again at {d.Again.At:HH:mm:ss.fff}");

    /// <summary>I4: a kill doubles no more than what stood between dot and answer, one mail a connection.</summary>
    public static IEnumerable<Finding> NoKillDoublesMoreThanItsConnections(ClosedBook book) =>
        from doubles in Doubles.Of(book).Where(d => d.Strike?.Kind == StrikeKind.RelayKilled).GroupBy(d => d.Strike!)
        let mails = doubles.Select(d => d.First).Distinct().Count()
        where mails > doubles.Key.Connections
        select new Finding("I4", doubles.Key.What, $"{mails} mails doubled, but only {doubles.Key.Connections} connections were open at the kill");

    /// <summary>I4: a double is admitted: some attempt of it stands as uncertain in the message's timeline.</summary>
    // Where the evidence went with the machine nobody can; that it is so stands in what the relay publishes of its store.
    public static IEnumerable<Finding> EveryDoubleIsAdmitted(ClosedBook book) =>
        from d in Doubles.Of(book)
        where d.Cause is not null && !d.IsAdmitted && d.Strike?.Kind != StrikeKind.MachineCut
        select new Finding("I4", $"{d.Token} {d.Recipient}", $"doubled by {d.Cause}, and its timeline knows of no uncertain attempt");

    /// <summary>I5: the body is the same to the octet, the relay added exactly one Received to what came by SMTP, and what it signed verifies.</summary>
    public static IEnumerable<Finding> ContentIsKept(ClosedBook book)
    {
        var submissions = book.Submissions.ToDictionary(s => s.Token);
        foreach (var arrival in book.Arrivals)
        {
            if (arrival.Token is null || !submissions.TryGetValue(arrival.Token, out var submission))
            {
                continue;
            }

            if (arrival.BodyHash != submission.BodyHash)
            {
                yield return new Finding("I5", arrival.Token, $"the body that came by {submission.Door} was changed");
            }

            if (submission.Door == Door.Smtp && arrival.ReceivedLines != 1)
            {
                yield return new Finding("I5", arrival.Token, $"{arrival.ReceivedLines} Received lines instead of one");
            }

            if (arrival.SignatureFault?.Value is { } fault)
            {
                yield return new Finding("I5", arrival.Token, fault);
            }
        }
    }

    /// <summary>I6: what was accepted has one end for each recipient, and no end contradicts the sinks.</summary>
    /// <param name="isWhole">The store had to keep everything, so that nothing may be missing.</param>
    public static IEnumerable<Finding> EventsTellTheTruth(ClosedBook book, bool isWhole = true)
    {
        var reached = Reached(book);
        var told = book.Told.Where(t => t.Recipient is not null).ToLookup(t => (t.Token, t.Recipient!));
        foreach (var submission in book.Submissions.Where(s => s.Outcome != SubmissionOutcome.Fail))
        {
            foreach (var recipient in submission.Recipients)
            {
                var about = $"{submission.Token} {recipient}";
                var events = told[(submission.Token, recipient)].ToList();
                var ends = events.Where(e => e.IsTerminal).ToList();
                var wasUncertain = events.Exists(e => e.Type == "uncertain" || e.MayHaveBeenDelivered);
                if (ends.Count > 1)
                {
                    yield return new Finding("I6", about, $"{ends.Count} ends: {string.Join(", ", ends.Select(e => e.Type))}");
                }

                if (isWhole && ends.Count == 0 && reached.Contains((submission.Token, recipient)))
                {
                    yield return new Finding("I6", about, "delivered, and its timeline has no end");
                }

                foreach (var end in ends)
                {
                    var arrived = reached.Contains((submission.Token, recipient));
                    if (end.Type == "delivered" && !arrived)
                    {
                        yield return new Finding("I6", about, "told as delivered, and no sink has it");
                    }
                    else if (end.Type != "delivered" && arrived && !wasUncertain)
                    {
                        yield return new Finding("I6", about, $"told as {end.Type}, and a sink has it");
                    }
                }
            }
        }
    }

    /// <summary>I7, the part that the doors show: an account's list holds its own mail and all of it.</summary>
    /// <param name="isWhole">The store had to keep everything, so that nothing may be missing.</param>
    public static IEnumerable<Finding> TenantsAreApart(ClosedBook book, bool isWhole = true)
    {
        var submissions = book.Submissions.ToDictionary(s => s.Token);
        var listed = book.Listed.Select(l => (l.Token, l.Account)).ToHashSet();
        foreach (var (token, account) in listed)
        {
            if (submissions.TryGetValue(token, out var submission) && submission.Account != account)
            {
                yield return new Finding("I7", token, $"sent by {submission.Account} and listed for {account}");
            }
        }

        foreach (var submission in book.Submissions.Where(s => isWhole && s.Outcome == SubmissionOutcome.Ok && !listed.Contains((s.Token, s.Account))))
        {
            yield return new Finding("I7", submission.Token, "accepted, and in no list");
        }
    }

    private static HashSet<(string Token, string Recipient)> Reached(ClosedBook book) =>
        [.. from arrival in book.Arrivals
            where arrival is { IsAcceptance: true, Token: not null }
            from recipient in arrival.Recipients
            select (arrival.Token!, recipient)];
}
