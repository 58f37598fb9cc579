using System.CommandLine;
using Relay.Faults.Commands;

var root = new RootCommand("Does to a relay what the world does to it, under load, and checks that nothing was lost and nothing doubled without cause.")
{
    ListCommand.Create(),
    RunCommand.Create(),
    RunCommand.CreateAll(),
    PeerCommand.Create(),
};

return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
