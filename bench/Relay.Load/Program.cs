using System.CommandLine;
using Relay.Load.Commands;

var root = new RootCommand("Measures the relay under load, alone or beside another server. Without a command: run.")
{
    new RunCommand().AddTo(new Command("run", "Start store, relay and sink, send, and report")),
    new BacklogCommand().AddTo(new Command("backlog", "Fill the queue with mail that cannot leave, and measure what that costs the rest")),
    new DistanceCommand().AddTo(new Command("distance", "Deliver over a long line, with few connections")),
    new GrowthCommand().AddTo(new Command("growth", "Say how the cost of a message grows with destinations and with the queue")),
    new BulkCommand().AddTo(new Command("bulk", "Queue a bulk run, and measure what that does to transactional mail for the same site")),
    new BudgetCommand().AddTo(new Command("budget", "Say where the CPU of a message goes, and how often it calls the kernel")),
    new SuppressionsCommand().AddTo(new Command("suppressions", "Import a list of suppressed addresses, and measure what looking into it costs")),
    CapacityCommand.Create(),
    GeneratorCommand.Create(),
    SinkCommand.Create(),
};
new RunCommand().AddTo(root);

// What an interrupted run has started is stopped first: servers finish what they have in flight.
var configuration = new InvocationConfiguration 
{
    ProcessTerminationTimeout = TimeSpan.FromMinutes(1),
    EnableDefaultExceptionHandler = false,
};

try
{
    return await root.Parse(args).InvokeAsync(configuration);
}
catch (InvalidOperationException cannot)
{
    // Something is missing or did not start, and the message says what; the stack would only hide it.
    await Console.Error.WriteLineAsync(cannot.Message);
    return 2;
}
catch (OperationCanceledException)
{
    return 130;
}
