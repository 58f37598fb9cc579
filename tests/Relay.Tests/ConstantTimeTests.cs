using Relay.TestKit;

namespace Relay.Tests;

/// <summary>
/// How long an answer takes tells nobody how much of a guess was right. No test can measure that on a machine that does other
/// work, so it is the words of the source that are looked at.
/// </summary>
public sealed class ConstantTimeTests
{
    [Theory]
    [InlineData("Relay.Intake/Admission/Credentials.cs", 2)]
    [InlineData("Relay.Intake/Smtp/FailedLogins.cs", 1)]
    [InlineData("Relay.Intake/Http/Senders/ConfirmationPage.cs", 1)]
    [InlineData("Relay.Mail/Tokens/MailTokens.cs", 1)]
    public void Whoever_compares_a_secret_compares_it_whole(string file, int times)
    {
        var source = File.ReadAllText(Path.Combine(Repository.Root, "src", file));

        Assert.Equal(times, source.Split("CryptographicOperations.FixedTimeEquals(").Length - 1);
        Assert.DoesNotContain("SequenceEqual(", source, StringComparison.Ordinal);
    }

    [Fact]
    public void No_hash_of_a_secret_is_compared_anywhere_in_another_way()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories).ToList();

        var others = sources.SelectMany(File.ReadLines).Where(line =>
            (line.Contains("KeyHash", StringComparison.Ordinal) || line.Contains("LinkHash", StringComparison.Ordinal) || line.Contains("mac", StringComparison.Ordinal))
            && line.Contains("SequenceEqual(", StringComparison.Ordinal));

        Assert.True(sources.Count > 100, "these are not the sources");
        Assert.Empty(others);
    }
}
