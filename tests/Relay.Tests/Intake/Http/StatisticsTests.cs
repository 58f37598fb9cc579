using System.Net;

namespace Relay.Tests.Intake.Http;

public sealed class StatisticsTests
{
    [Fact]
    public async Task Events_are_counted_by_day_and_only_for_the_account_that_asks()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var stranger = await api.KeyAsync("other");
        for (var i = 0; i < 2; i++)
        {
            await api.PostAsync("/send", """{"from":"a@shop.test","to":"b@remote.test","subject":"x","text":"y"}""");
        }

        var day = Assert.Single((await api.GetAsync("/stats")).Json.GetProperty("items").EnumerateArray());

        Assert.Equal("2026-03-01", day.GetProperty("day").GetString());
        Assert.Equal(2, day.GetProperty("events").GetProperty("accepted").GetInt64());
        Assert.Empty((await api.GetAsync("/stats", stranger)).Json.GetProperty("items").EnumerateArray());
        Assert.Empty((await api.GetAsync("/stats?from=2026-02-01&to=2026-02-28")).Json.GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task The_first_of_all_days_is_a_day()
    {
        await using var api = await ApiUnderTest.StartAsync();

        Assert.Empty((await api.GetAsync("/stats?to=0001-01-01")).Json.GetProperty("items").EnumerateArray());
    }

    [Theory]
    [InlineData("from=yesterday", "from")]
    [InlineData("to=2026-13-01", "to")]
    [InlineData("from=2026-03-02&to=2026-03-01", "from")]
    [InlineData("from=2020-01-01&to=2026-03-01", "from")]
    public async Task A_wrong_range_is_refused_by_name(string query, string field)
    {
        await using var api = await ApiUnderTest.StartAsync();

        (await api.GetAsync($"/stats?{query}")).Names(HttpStatusCode.UnprocessableEntity, field);
    }
}
