using System.Text.RegularExpressions;
using Relay.Redis.Connections;
using Relay.TestKit;

namespace Relay.Tests.Redis.Connections;

/// <summary>The store's client may forget a question in a failover: nobody waits for its answer for ever.</summary>
public sealed partial class StoreAnswersTests
{
    // These have a bound of their own; or a person looks on.
    private static readonly string[] Bounded = ["Acknowledgement.cs", "KeyMover.cs", "Repartitioner.cs"];

    [Fact]
    public async Task An_answer_is_what_the_store_said()
    {
        Assert.Equal(7, await Task.FromResult(7).InTimeAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Whoever_is_stopped_need_not_wait_for_an_answer()
    {
        using var stopping = new CancellationTokenSource();
        var waiting = new TaskCompletionSource<int>().Task.InTimeAsync(stopping.Token);
        await stopping.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public void No_question_to_the_store_is_awaited_without_bounds()
    {
        var unbounded = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "Relay.Redis"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Where(file => !Bounded.Contains(Path.GetFileName(file)))
            .SelectMany(file => Remark().Replace(File.ReadAllText(file), "").Split(';').Where(IsUnbounded).Select(statement => $"{Path.GetFileName(file)}: {statement.Trim()}"));

        Assert.Empty(unbounded);
    }

    private static bool IsUnbounded(string statement) =>
        Awaited().IsMatch(statement) && Question().IsMatch(statement) && !Bound().IsMatch(statement);

    [GeneratedRegex("//.*")]
    private static partial Regex Remark();

    [GeneratedRegex(@"\bawait\b")]
    private static partial Regex Awaited();

    [GeneratedRegex(@"\b(database|Database|Connections\.\w+|Others|others)\s*\.\s*\w+Async\(")]
    private static partial Regex Question();

    [GeneratedRegex("InTimeAsync|TranslateAsync")]
    private static partial Regex Bound();
}
