namespace Relay.Host.Listening;

/// <summary>The doors that this process holds open: HTTP first, then SMTP as configured, for submission and for what comes back.</summary>
internal sealed class Listeners
{
    private readonly List<Listener> _wanted = [];
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when every door is open and its port, if the system chose it, is known.</summary>
    public Task Opened => _opened.Task;

    public IReadOnlyList<Listener> All => _wanted;

    public string ApiUrl => $"http://{_wanted[0].Address}";

    public IEnumerable<Listener> Submission => _wanted.Where(listener => listener.Protocol == "smtp");

    public void Add(string protocol, string tls, string address) => _wanted.Add(new Listener(protocol, tls, address));

    /// <summary>Takes the addresses as the server opened them, which is in the order in which they were wanted.</summary>
    public void Open(IEnumerable<string> urls)
    {
        foreach (var (url, index) in urls.Select((url, index) => (url, index)))
        {
            _wanted[index] = _wanted[index] with { Address = new Uri(url).Authority };
        }

        _opened.SetResult();
    }
}

/// <param name="Protocol"><c>http</c>, <c>smtp</c>, or <c>inbound</c> for what the world answers.</param>
/// <param name="Tls">How it is secured, as the settings say it.</param>
/// <param name="Address">With its port.</param>
internal sealed record Listener(string Protocol, string Tls, string Address);
