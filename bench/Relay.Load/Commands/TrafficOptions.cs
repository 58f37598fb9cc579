using System.CommandLine;
using Relay.Load.Traffic;

namespace Relay.Load.Commands;

/// <summary>The options that describe the mail, alike for every command that sends.</summary>
/// <param name="withDomains">Without it the command itself says for how many domains the mail is.</param>
internal sealed class TrafficOptions(bool withDomains = true)
{
    private readonly Option<int> _sessions = new("--sessions")
    {
        Description = "Clients that send at the same time",
        DefaultValueFactory = _ => 50,
    };

    private readonly Option<int> _size = new("--size")
    {
        Description = "Octets of header and body",
        DefaultValueFactory = _ => 10 * 1024,
    };

    private readonly Option<int> _domains = new("--domains")
    {
        Description = "Destination domains, taken in turn",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<bool> _newConnection = new("--new-connection")
    {
        Description = "A new connection for each message; without it a session keeps its own",
    };

    private readonly Option<bool> _awaitsArrival = new("--await-arrival")
    {
        Description = "A session sends its next message when the sink has the one before",
    };

    private readonly Option<TimeSpan> _timeout = new("--timeout")
    {
        Description = "How long a client waits for one answer",
        DefaultValueFactory = _ => TimeSpan.FromSeconds(30),
    };

    public Option<int> Count { get; } = new("--count")
    {
        Description = "Messages to send and measure",
        DefaultValueFactory = _ => 10_000,
    };

    public Option<bool> Http { get; } = new("--http") { Description = "Through POST /send and not over SMTP" };

    public Option<LoadTls> Tls { get; } = new("--tls") { Description = "TLS on the way in" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_sessions, _size, Count, .. withDomains ? (Option[])[_domains] : [], _newConnection, _awaitsArrival, Http, Tls, _timeout])
        {
            command.Add(option);
        }

        AtLeastOne(_sessions);
        AtLeastOne(_size);
        AtLeastOne(_domains);
        AtLeastOne(Count);
    }

    public TrafficPlan Plan(ParseResult parsed) => new()
    {
        Sessions = parsed.GetValue(_sessions),
        Size = parsed.GetValue(_size),
        Domains = withDomains ? parsed.GetValue(_domains) : 1,
        NewConnection = parsed.GetValue(_newConnection),
        AwaitsArrival = parsed.GetValue(_awaitsArrival),
        Timeout = parsed.GetValue(_timeout),
    };

    private static void AtLeastOne(Option<int> option) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < 1)
        {
            result.AddError($"{option.Name} must be at least 1");
        }
    });
}
