using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Relay.Tests.Intake.Smtp;

/// <summary>What the software under test has logged; tests wait for a line rather than for a time.</summary>
internal sealed class LogBook : ILoggerProvider, ILogger
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();
    private volatile TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyCollection<(LogLevel Level, string Text)> Lines => _lines;

    /// <param name="times">How many lines have to hold it.</param>
    public async Task WaitForAsync(string part, CancellationToken cancellation, int times = 1)
    {
        while (true)
        {
            var written = _written.Task;
            if (_lines.Count(line => line.Text.Contains(part, StringComparison.Ordinal)) >= times)
            {
                return;
            }

            await written.WaitAsync(Patience, cancellation);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        _lines.Enqueue((logLevel, $"{formatter(state, exception)} {exception}"));
        Interlocked.Exchange(ref _written, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    public void Dispose()
    {
    }
}
