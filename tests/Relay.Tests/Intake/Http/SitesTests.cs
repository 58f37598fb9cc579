using System.Net;
using Relay.Mail.Sites;

namespace Relay.Tests.Intake.Http;

public sealed class SitesTests
{
    [Fact]
    public async Task The_operator_sees_how_receivers_stand_on_every_node()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var until = new DateTimeOffset(2026, 3, 1, 12, 5, 0, TimeSpan.Zero);
        await api.Stores.Board.Join().PostAsync(
            [
                new SiteStatus
                {
                    Node = "other", Name = "orange", Sites = 2, Connections = 0, Limit = 0, Ceiling = 3, Share = 1, Waiting = 12,
                    Why = "421 OFR004_104 Too many connections", Until = until, IsResting = true, PerMinute = 40, Rate = "500/1m", MessagesPerConnection = 7.5,
                },
            ],
            TestContext.Current.CancellationToken);

        var seen = await api.GetAsync("/queue/sites", ApiUnderTest.AdminKey);

        var site = Assert.Single(seen.Json.GetProperty("items").EnumerateArray());
        Assert.Equal("orange", site.GetProperty("site").GetString());
        Assert.Equal("resting", site.GetProperty("status").GetString());
        Assert.Equal((0, 3, 1), (site.GetProperty("limit").GetInt32(), site.GetProperty("ceiling").GetInt32(), site.GetProperty("share").GetInt32()));
        Assert.Equal(until, site.GetProperty("until").GetDateTimeOffset());
        Assert.Equal("421 OFR004_104 Too many connections", site.GetProperty("why").GetString());
        Assert.Equal((40, "500/1m", 7.5), (site.GetProperty("perMinute").GetInt32(), site.GetProperty("rate").GetString(), site.GetProperty("messagesPerConnection").GetDouble()));
    }

    [Fact]
    public async Task Other_keys_do_not()
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.GetAsync("/queue/sites")).IsProblem(HttpStatusCode.Forbidden);
    }
}
