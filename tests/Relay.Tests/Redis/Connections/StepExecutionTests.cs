using System.Reflection;
using Relay.Redis.Connections;
using Relay.TestKit;
using StackExchange.Redis;

namespace Relay.Tests.Redis.Connections;

/// <summary>A step with conditions blocks the thread that writes it: never one by which sockets are heard.</summary>
public sealed class StepExecutionTests
{
    [Fact]
    public async Task A_step_is_written_by_a_thread_of_the_pool_whoever_asks_for_it()
    {
        var step = Recorder.Create();
        var asked = new TaskCompletionSource<Task<bool>>();
        new Thread(() => asked.SetResult(step.RunAsync())) { IsBackground = true }.Start();

        Assert.True(await await asked.Task);
        Assert.True(Assert.Single(((Recorder)(object)step).Writers).IsThreadPoolThread);
    }

    [Fact]
    public async Task A_thread_of_the_pool_writes_it_itself()
    {
        var step = Recorder.Create();
        var asking = await Task.Run(async () =>
        {
            var thread = Thread.CurrentThread;
            await step.RunAsync();
            return thread;
        });

        Assert.Same(asking, Assert.Single(((Recorder)(object)step).Writers));
    }

    [Fact]
    public void Nobody_executes_a_step_otherwise()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "Relay.Redis"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file).Contains(".ExecuteAsync()", StringComparison.Ordinal));

        Assert.Equal("StepExecution.cs", Path.GetFileName(Assert.Single(files)));
    }

    /// <summary>A step that is done at once and remembers who did it.</summary>
    public class Recorder : DispatchProxy
    {
        public List<Thread> Writers { get; } = [];

        public static ITransaction Create() => Create<ITransaction, Recorder>();

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            Writers.Add(Thread.CurrentThread);
            return Task.FromResult(true);
        }
    }
}
