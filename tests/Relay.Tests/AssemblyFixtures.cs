using Relay.TestKit;

[assembly: AssemblyFixture(typeof(RunFolder))]
