using System.Text.Json;
using System.Text.Json.Nodes;
using Relay.Faults.Checking;
using Relay.Faults.Clients;
using Relay.Faults.Ledgers;
using Relay.Faults.Sink;
using Relay.Faults.Stores;
using Relay.TestKit.Redis;
using Relay.TestKit.Relays;

namespace Relay.Faults.Stages;

/// <summary>Relays on a store between ledger clients and a ledger sink: what a scenario is played on, and what it may do to it.</summary>
internal sealed class Stage : IAsyncDisposable
{
    // The schedule of the scenarios: an attempt that failed is soon made again.
    private static readonly JsonArray Schedule = ["00:00:01", "00:00:02", "00:00:04", "00:00:08"];

    // No scenario may hang; what takes longer than this on a machine that others use too is a finding.
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(120);

    // After the store is back. With every build two tests and more share each core, and a machine that is slow is no finding.
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RecoveryBesideBuilds = TimeSpan.FromSeconds(20);

    // A pool keeps threads that have nothing to do for twenty seconds.
    private static readonly TimeSpan GoingBack = TimeSpan.FromSeconds(45);

    // Longer than the last delay of the schedule: something had to be waited for.
    private static readonly TimeSpan Remarkable = TimeSpan.FromSeconds(10);

    private readonly History _history;
    private readonly List<LedgerSink> _sinks = [];
    private readonly List<RelayUnderTest> _relays = [];
    private readonly List<StoreLink> _links = [];
    private readonly List<string> _notes = [];
    private readonly List<Finding> _findings = [];
    private readonly Dictionary<int, ProcessFacts> _baseline = [];
    private bool _isDrained = true;
    private readonly DateTimeOffset _began = DateTimeOffset.UtcNow;
    private IReadOnlyList<Tenant> _tenants = [];
    private int _loads;

    private Stage(string scenario, RunRequest request)
    {
        Scenario = scenario;
        Request = request;
        Random = new Random(request.Seed);
        _history = new History(Path.Combine(request.HistoryFolder, $"{scenario}-{StoreKinds.WordOf(request.Store)}-{request.Seed}.jsonl"));
        Book = new LedgerBook(_history);
        _history.Note($"{scenario} on {StoreKinds.WordOf(request.Store)}, seed {request.Seed}, {request.Rounds} rounds");
    }

    public string Scenario { get; }

    public RunRequest Request { get; }

    /// <summary>The source of everything that is left to chance.</summary>
    public Random Random { get; }

    public LedgerBook Book { get; }

    /// <summary>Null where the relay keeps its mail itself.</summary>
    public IOutsideStore? Store { get; private set; }

    public IReadOnlyList<RelayUnderTest> Relays => _relays;

    public RelayUnderTest Relay => _relays[0];

    /// <summary>The one to which everything goes that no other route takes.</summary>
    public LedgerSink Sink => _sinks[0];

    public IReadOnlyList<Tenant> Tenants => _tenants;

    public static async Task<Stage> StartAsync(string scenario, RunRequest request, CancellationToken cancellation, StageSetup? setup = null)
    {
        var stage = new Stage(scenario, request);
        try
        {
            await stage.StartAsync(setup ?? new StageSetup(), cancellation);
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>The sink of a domain that has one of its own.</summary>
    public LedgerSink SinkOf(string domain) => _sinks.Find(s => s.Name == domain) ?? throw new ArgumentException($"{domain} has no sink of its own");

    /// <summary>The wire between a relay and the store.</summary>
    public StoreLink LinkOf(RelayUnderTest relay) => _links[_relays.IndexOf(relay)];

    /// <summary>Lets clients send, to all relays or to some.</summary>
    public LedgerClients Load(LoadPlan? plan = null, params IReadOnlyList<RelayUnderTest> relays)
    {
        var number = ++_loads;
        var doors = (relays.Count > 0 ? relays : _relays).Select(r => new RelayDoor(r.PlainPort, new Uri($"http://127.0.0.1:{r.HttpPort}")));
        return LedgerClients.Start($"{Request.Seed:x}-{number}", plan ?? new LoadPlan(), Book, [.. doors], _tenants, Request.Seed + number);
    }

    /// <summary>Waits until so many more mails have been accepted; the load must be on.</summary>
    public async Task WaitForAcceptedAsync(int more, CancellationToken cancellation)
    {
        var goal = Book.Accepted + more;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(DrainTimeout);
        while (Book.Accepted < goal)
        {
            if (deadline.IsCancellationRequested)
            {
                cancellation.ThrowIfCancellationRequested();
                throw new TimeoutException($"{goal - Book.Accepted} of {more} mails more were not accepted within {DrainTimeout.TotalSeconds:0} s; history in {_history.Path}");
            }

            await Task.Delay(5, cancellation);
        }
    }

    /// <summary>A time between nothing and <paramref name="longest"/>, by the seed.</summary>
    public Task ChanceAsync(TimeSpan longest, CancellationToken cancellation) => Task.Delay(longest * Random.NextDouble(), cancellation);

    public async Task KillAsync(RelayUnderTest relay)
    {
        // Counted before: a kill closes them.
        var connections = _sinks.Sum(s => s.Unheard);
        var from = DateTimeOffset.UtcNow;
        await relay.KillAsync();
        if (_relays.Count > 1)
        {
            // Its journal is out of the others' reach: to them all that stood in dots is uncertain.
            connections = Math.Max(connections, await DotsAsync());
        }

        Book.Add(new Strike(StrikeKind.RelayKilled, NameOf(relay), from, DateTimeOffset.UtcNow, connections));
    }

    /// <summary>Does something to the store or a relay for a while, and writes down when.</summary>
    public async Task StrikeAsync(StrikeKind kind, string what, Func<Task> during)
    {
        var from = DateTimeOffset.UtcNow;
        var connections = _sinks.Sum(s => s.Unheard);
        await during();
        Book.Add(new Strike(kind, what, from, DateTimeOffset.UtcNow, connections));
    }

    public string NameOf(RelayUnderTest relay) => $"relay {_relays.IndexOf(relay) + 1}";

    public void Note(string words)
    {
        lock (_notes)
        {
            _notes.Add(words);
        }

        _history.Note(words);
    }

    /// <summary>I8: waits until somebody's mail is accepted again; the load must be on.</summary>
    /// <param name="since">What is over.</param>
    public async Task RecoverAsync(string since, CancellationToken cancellation)
    {
        var from = DateTimeOffset.UtcNow;
        await WaitForAcceptedAsync(1, cancellation);
        var took = DateTimeOffset.UtcNow - from;
        Note($"accepting again {took.TotalSeconds:0.0} s after {since}");
        if (took > (Request.IsLong ? Recovery : RecoveryBesideBuilds))
        {
            _findings.Add(new Finding("I8", since, $"accepting again only {took.TotalSeconds:0.0} s later"));
        }

        TakeBaseline();
    }

    /// <summary>I8: from here on nothing may grow in the relays that live until the check. A short form ends before they are warm.</summary>
    public void TakeBaseline()
    {
        foreach (var relay in _relays.Where(r => Request.IsLong && r.IsRunning))
        {
            _baseline.TryAdd(relay.ProcessId, ProcessFacts.Of(relay.ProcessId));
        }
    }

    /// <summary>Waits until nothing waits any more and the sinks have been quiet for a while, or until no relay is left.</summary>
    public async Task DrainAsync(CancellationToken cancellation, TimeSpan? silence = null)
    {
        var quiet = silence ?? TimeSpan.FromSeconds(1.5);
        var from = DateTimeOffset.UtcNow;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(DrainTimeout);
        var depth = -1L;
        try
        {
            var emptySince = DateTimeOffset.MaxValue;
            while (_relays.Exists(r => r.IsRunning) && (DateTimeOffset.UtcNow - emptySince < quiet || DateTimeOffset.UtcNow - Book.LastArrival < quiet))
            {
                depth = await DepthAsync(deadline.Token);
                emptySince = depth != 0 ? DateTimeOffset.MaxValue : emptySince == DateTimeOffset.MaxValue ? DateTimeOffset.UtcNow : emptySince;
                await Task.Delay(50, deadline.Token);
            }

            if (DateTimeOffset.UtcNow - from is var took && took > Remarkable)
            {
                Note($"drained in {took.TotalSeconds:0.0} s");
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // Not an end of the run: what is lost by it is for the checker to say.
            _isDrained = false;
            var since = $"{DrainTimeout.TotalSeconds:0} s after all should be over";
            _findings.Add(new Finding("I8", "drain", $"{depth} units wait {since}"));
            await using var eyes = await StoreEyes.OpenAsync(Store, _relays.First(r => r.IsRunning));
            _findings.AddRange(await new LeftUnits(eyes, _relays.First(r => r.IsRunning), _tenants).LookAsync(since, cancellation));
        }
    }

    /// <summary>Reads what the relay tells of every message, closes the book and looks at it.</summary>
    /// <param name="asked">The weakest promise that covers what was done.</param>
    public async Task<Verdict> CheckAsync(Promise asked, CancellationToken cancellation)
    {
        await using var eyes = await StoreEyes.OpenAsync(Store, _relays.First(r => r.IsRunning));
        await StoreStructure.AwaitLateAsync(eyes, cancellation);
        var reader = new EventReader(_relays.First(r => r.IsRunning), Book);
        foreach (var tenant in _tenants)
        {
            await reader.ReadAsync(tenant, cancellation);
        }

        var published = Promises.Parse((await _relays.First(r => r.IsRunning).WaitForAsync("/health/ready", _ => true, cancellation)).GetProperty("store").GetProperty("promise").GetString()!);
        var verdict = Checker.Check(Book.Close(), Scenario, StoreKinds.WordOf(Request.Store), Request.Seed, Request.Rounds, asked, published);
        List<Finding> findings = [.. verdict.Findings, .. _findings, .. await FindGrowthAsync(cancellation)];

        // What a store has lost, as its class says, leaves halves behind of what it has not.
        if (_isDrained && (verdict.Lost == 0 || published >= asked))
        {
            // A node that stood still may only now have said what became of its last attempts.
            await StoreStructure.AwaitLateAsync(eyes, cancellation);
            findings.AddRange(await StoreStructure.LookAsync(eyes, cancellation));
        }

        foreach (var finding in findings)
        {
            _history.Note(finding.ToString());
        }

        foreach (var relay in findings.Count > 0 ? _relays : [])
        {
            await File.WriteAllTextAsync($"{Path.ChangeExtension(_history.Path, null)}-{NameOf(relay).Replace(' ', '-')}.log", relay.Output + relay.Errors, cancellation);
        }

        lock (_notes)
        {
            return verdict with { Findings = findings, Notes = [.. verdict.Notes, .. _notes], Took = DateTimeOffset.UtcNow - _began, History = _history.Path };
        }
    }

    /// <summary>Units that wait; -1 while nobody answers.</summary>
    public async Task<long> DepthAsync(CancellationToken cancellation, params IReadOnlyList<RelayUnderTest> asked)
    {
        foreach (var relay in (asked.Count > 0 ? asked : _relays).Where(r => r.IsRunning))
        {
            try
            {
                using var response = await relay.Http.GetAsync("/queue", cancellation);
                if (response.IsSuccessStatusCode)
                {
                    return JsonElement.Parse(await response.Content.ReadAsStringAsync(cancellation)).GetProperty("depth").GetInt64();
                }
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
            {
                // Another one may.
            }
        }

        return -1;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var relay in _relays)
        {
            await relay.DisposeAsync();
        }

        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }

        foreach (var sink in _sinks)
        {
            await sink.DisposeAsync();
        }

        if (Store is not null)
        {
            await Store.DisposeAsync();
        }

        _history.Dispose();
    }

    private async Task StartAsync(StageSetup setup, CancellationToken cancellation)
    {
        _sinks.Add(LedgerSink.Start("sink", Book, setup.Mood));
        Store = setup.MakeStore is not null ? await setup.MakeStore(cancellation) : await MakeStoreAsync(setup, cancellation);
        _sinks.AddRange(setup.Domains.Select(d => LedgerSink.Start(d.Key, Book, d.Value, certificate: setup.Certificates.GetValueOrDefault(d.Key))));
        for (var number = 0; number < setup.Relays; number++)
        {
            _relays.Add(await RelayUnderTest.StartAsync(cancellation, setup.Settings(SetupOf(setup), number)));
        }

        _tenants = [await MakeTenantAsync("first", cancellation), await MakeTenantAsync("second", cancellation)];
        if (setup.Signs)
        {
            await SignAsync(cancellation);
        }
    }

    // As long as none of them was seen in the DNS all keys sign.
    private async Task SignAsync(CancellationToken cancellation)
    {
        var records = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var tenant in _tenants)
        {
            var domain = await Relay.PostAsync("/domains", new { name = LedgerMail.SenderDomain }, cancellation, tenant.Key);
            foreach (var record in domain.GetProperty("records").EnumerateArray().Where(r => r.GetProperty("purpose").GetString() == "dkim"))
            {
                records[record.GetProperty("name").GetString()!] = record.GetProperty("value").GetString()!;
            }
        }

        var keys = new SigningKeys(records);
        _sinks.ForEach(sink => sink.Keys = keys);
    }

    private async Task<int> DotsAsync()
    {
        await using var eyes = await StoreEyes.OpenAsync(Store, Relay);
        var count = 0L;
        await foreach (var key in StoreEyes.KeysAsync(eyes, CancellationToken.None, "relay:{*}:dots"))
        {
            count += await eyes.GetDatabase().HashLengthAsync(key.Name);
        }

        return (int)count;
    }

    private async Task<List<Finding>> FindGrowthAsync(CancellationToken cancellation)
    {
        var from = DateTimeOffset.UtcNow;
        List<Finding> grown;
        while ((grown = [.. Growth()]).Count > 0 && DateTimeOffset.UtcNow - from < GoingBack)
        {
            await Task.Delay(500, cancellation);
        }

        return grown;
    }

    private IEnumerable<Finding> Growth() =>
        from relay in _relays
        where relay.IsRunning && _baseline.ContainsKey(relay.ProcessId)
        from words in ProcessFacts.Of(relay.ProcessId).GrownFrom(_baseline[relay.ProcessId])
        select new Finding("I8", NameOf(relay), words);

    private async Task<IOutsideStore?> MakeStoreAsync(StageSetup setup, CancellationToken cancellation) => Request.Store switch
    {
        StoreKind.Embedded => null,
        StoreKind.Sentinel or StoreKind.SentinelWait => new SentinelStore(await RedisSentinel.StartAsync(cancellation, settings: setup.StoreSettings)),
        StoreKind.Cluster or StoreKind.ClusterWait => new ClusterStore(await RedisCluster.StartAsync(cancellation, settings: setup.StoreSettings)),
        _ => await RedisStore.StartAsync(Request.Store, null, cancellation, setup.StoreSettings),
    };

    private RelaySetup SetupOf(StageSetup setup)
    {
        var relay = new RelaySetup().With("Delivery:Retry:Schedule", Schedule.DeepClone()).With("Redis", Store?.ConnectionString);
        if (setup.HasLinks)
        {
            var link = new StoreLink(((RedisStore)Store!).Server.Port);
            _links.Add(link);
            relay = relay.With("Redis", $"127.0.0.1:{link.Port}");
        }

        foreach (var sink in _sinks.Where(s => s != Sink))
        {
            relay = relay.WithRoute(sink.Port, sink.Name, sink.Certificate is null ? "None" : "Opportunistic");
        }

        relay = setup.HasDefaultRoute ? relay.WithRoute(Sink.Port) : relay;

        return setup.DataDirectory is null ? relay : relay.With("DataDirectory", setup.DataDirectory);
    }

    private async Task<Tenant> MakeTenantAsync(string name, CancellationToken cancellation)
    {
        var account = (await Relay.PostAsync("/accounts", new { name }, cancellation)).GetProperty("id").GetString()!;
        var key = await Relay.PostAsync("/keys", new { name, account }, cancellation);
        return new Tenant(account, key.GetProperty("key").GetString()!);
    }
}
