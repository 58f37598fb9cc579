using Microsoft.Extensions.Options;
using Relay.Intake.Http;
using Relay.Intake.Http.Json;
using Relay.Intake.Http.Sending;

namespace Relay.Tests.Intake.Http;

public sealed class BodyBudgetTests
{
    private const int Most = 1024 * 1024;

    private readonly BodyBudget _budget = new(Options.Create(new HttpOptions { MaxBodyBytesInFlight = Most }));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_alone_may_be_larger_than_the_budget()
    {
        await using var body = _budget.Open(new MemoryStream(new byte[3 * Most]));

        await body.CopyToAsync(Stream.Null, Cancellation);
    }

    [Fact]
    public async Task Beyond_the_budget_a_request_is_told_to_come_again_until_another_has_ended()
    {
        await using (var first = _budget.Open(new MemoryStream(new byte[Most])))
        {
            await first.CopyToAsync(Stream.Null, Cancellation);

            await using var second = _budget.Open(new MemoryStream(new byte[1]));
            var refused = await Assert.ThrowsAsync<ProblemException>(() => second.CopyToAsync(Stream.Null, Cancellation));
            Assert.Equal(503, refused.Problem.Status);
        }

        await using var third = _budget.Open(new MemoryStream(new byte[Most]));
        await third.CopyToAsync(Stream.Null, Cancellation);
        await using var fourth = _budget.Open(new MemoryStream(new byte[1]));
        await Assert.ThrowsAsync<ProblemException>(() => fourth.CopyToAsync(Stream.Null, Cancellation));
    }
}
