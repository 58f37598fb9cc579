using Microsoft.Extensions.Logging;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// The storage over its failures. When a write fails, the files are opened anew, to be read only: that needs no room, and
/// tells what of the last write is there. They are opened for writing again once there is room.
/// </summary>
internal sealed class LiveStorage : IDisposable
{
    private readonly DatabaseFolder _folder;
    private readonly Action<byte[]> _changed;
    private readonly ILogger _logger;
    private ulong? _before;

    public LiveStorage(DatabaseFolder folder, bool isNew, Action<byte[]> changed, ILogger logger)
    {
        _folder = folder;
        _changed = changed;
        _logger = logger;
        Use(folder.Open(isNew));
    }

    /// <summary>Null when the files cannot even be read.</summary>
    public Keyspace? Keyspace { get; private set; }

    public Upkeep? Upkeep { get; private set; }

    public bool IsWritable => Keyspace is { Database.IsWritable: true };

    /// <summary>Ends a turn: what it wrote is durable.</summary>
    /// <exception cref="StorageException">It is not known whether it is: see <see cref="Reopen"/>.</exception>
    public void Commit()
    {
        var database = Keyspace!.Database;
        if (database.HasWrites)
        {
            _before = database.Sequence;
            database.Commit();
            _before = null;
        }
    }

    /// <summary>Whether it was a commit that failed, and not something before it.</summary>
    public bool IsInDoubt => _before is not null;

    /// <summary>After a failed commit: opens the files again, to be read. True when what was to be committed is there all the same.</summary>
    public bool Reopen(Exception failure)
    {
        _logger.StorageFailed(failure.Message);
        var before = _before;
        _before = null;
        Close();
        try
        {
            Use(_folder.OpenForReading());
            return Keyspace!.Database.Sequence > before;
        }
        catch (StorageException e)
        {
            _logger.StorageUnreadable(e.Message);
            return true;
        }
    }

    /// <summary>Forgets the turn, which a mistake of ours broke off.</summary>
    public void Forget()
    {
        if (Keyspace is { } keyspace)
        {
            keyspace.Database.Clear();
            Use(keyspace.Database);
        }
    }

    /// <summary>Opens the files for writing, if there is room by now.</summary>
    public bool TryRecover()
    {
        try
        {
            if (!_folder.HasRoom())
            {
                return false;
            }

            Close();
            Use(_folder.Open(isNew: false));
            _logger.StorageRecovered();
            return true;
        }
        catch (Exception e) when (e is StorageException or IOException)
        {
            _logger.StorageFailed(e.Message);
            if (Keyspace is null)
            {
                TryRead();
            }

            return false;
        }
    }

    public void Dispose()
    {
        Close();
        _folder.Dispose();
    }

    private void TryRead()
    {
        try
        {
            Use(_folder.OpenForReading());
        }
        catch (StorageException e)
        {
            _logger.StorageUnreadable(e.Message);
        }
    }

    private void Use(Database database)
    {
        Keyspace = new Keyspace(database) { Changed = _changed };
        Upkeep = new Upkeep(Keyspace);
    }

    private void Close()
    {
        Keyspace?.Database.Dispose();
        Keyspace = null;
        Upkeep = null;
    }
}
