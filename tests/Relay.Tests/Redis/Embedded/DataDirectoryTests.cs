using Relay.Mail.Queue;
using Relay.Redis;
using Relay.Redis.Embedded;

namespace Relay.Tests.Redis.Embedded;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-data-").FullName;

    [Fact]
    public void A_second_relay_is_told_that_the_folder_is_in_use()
    {
        using var first = DataDirectory.Open(_folder);

        var refusal = Assert.Throws<StoreRefusedException>(() => DataDirectory.Open(_folder));

        Assert.Equal($"Relay:DataDirectory '{_folder}' is in use by another relay; each needs its own", refusal.Message);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_refused_with_its_name_and_the_reason()
    {
        var file = Path.Combine(_folder, "a-file");
        File.WriteAllText(file, "");

        var refusal = Assert.Throws<StoreRefusedException>(() => DataDirectory.Open(file));

        Assert.StartsWith($"Relay:DataDirectory '{file}' cannot be written: ", refusal.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
