using System.Net;
using Relay.Mail.Queue;

namespace Relay.Tests.Intake.Http;

public sealed class NodesTests
{
    [Fact]
    public async Task The_admin_sees_who_owns_which_partitions_and_nobody_else_does()
    {
        await using var api = await ApiUnderTest.StartAsync();
        var now = api.Stores.Time.GetUtcNow();
        api.Stores.Nodes.Overview = new NodeOverview(
            [
                new NodeStatus("n1", "host1", ["intake", "delivery"], "1.2.3", now, now, [new OwnedPartition(0, 4, 7), new OwnedPartition(2, 1, 1)]),
                new NodeStatus("n2", "host2", ["delivery"], "1.2.3", now, now, [new OwnedPartition(1, 9, null)]),
            ],
            [3]);

        var seen = await api.GetAsync("/queue/nodes", ApiUnderTest.AdminKey);

        Assert.Equal(HttpStatusCode.OK, seen.Status);
        var first = seen.Json.GetProperty("items")[0];
        Assert.Equal(("n1", "host1", "1.2.3", 8), (first.GetProperty("id").GetString(), first.GetProperty("name").GetString(), first.GetProperty("version").GetString(), first.GetProperty("units").GetInt32()));
        Assert.Equal(["intake", "delivery"], first.GetProperty("roles").EnumerateArray().Select(r => r.GetString()));
        Assert.Equal((2, 1), (first.GetProperty("partitions")[1].GetProperty("number").GetInt32(), first.GetProperty("partitions")[1].GetProperty("epoch").GetInt32()));
        Assert.False(seen.Json.GetProperty("items")[1].TryGetProperty("units", out _));
        Assert.Equal(3, seen.Json.GetProperty("unowned")[0].GetInt32());
        (await api.GetAsync("/queue/nodes")).IsProblem(HttpStatusCode.Forbidden);
    }
}
