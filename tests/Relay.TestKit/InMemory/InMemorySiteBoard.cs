using Relay.Mail.Sites;

namespace Relay.TestKit.InMemory;

/// <summary>What several deliveries in one test share.</summary>
public sealed class InMemorySiteBoard(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ShareTable> _tables = [];
    private readonly Dictionary<string, IReadOnlyList<SiteStatus>> _posts = [];
    private int _nodes;
    private int _posted;

    /// <summary>How often a node has put up how it stands: each does so at the end of each beat.</summary>
    public int Posted => Volatile.Read(ref _posted);

    /// <summary>The board as one node sees it.</summary>
    public ISiteBoard Join() => new Node(this, $"node-{Interlocked.Increment(ref _nodes)}");

    private sealed class Node(InMemorySiteBoard board, string name) : ISiteBoard
    {
        public int Nodes => board._nodes;

        public int Doors => board._nodes;

        public ValueTask<ConnectionShare> RenewAsync(string provider, ShareWish wish, CancellationToken cancellation)
        {
            lock (board._lock)
            {
                (board._tables[provider], var share) = board._tables.GetValueOrDefault(provider, ShareTable.Empty).Renew(name, wish, board.Now);
                return ValueTask.FromResult(share);
            }
        }

        public ValueTask PostAsync(IReadOnlyList<SiteStatus> sites, CancellationToken cancellation)
        {
            lock (board._lock)
            {
                board._posts[name] = sites;
            }

            Interlocked.Increment(ref board._posted);

            return ValueTask.CompletedTask;
        }

        public ValueTask<IReadOnlyList<SiteStatus>> ReadPeersAsync(CancellationToken cancellation)
        {
            lock (board._lock)
            {
                return ValueTask.FromResult<IReadOnlyList<SiteStatus>>([.. board._posts.Where(p => p.Key != name).SelectMany(p => p.Value)]);
            }
        }
    }

    private DateTimeOffset Now => time.GetUtcNow();
}
