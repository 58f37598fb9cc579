using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Relay.Redis.Embedded;

/// <summary>Flushes files of the embedded store. One flush serves every write of a file that was waiting for it.</summary>
internal sealed class DiskFlusher(string root, ILogger<DiskFlusher> logger)
{
    private const uint InputOutputError = 5;
    private readonly string _root = Path.GetFullPath(root);

    public Target TargetFor() => new(this);

    // A new file's name, and the names of new folders above it, are as much to be flushed as its content.
    private void FlushNames(string file)
    {
        for (var folder = Path.GetDirectoryName(Path.GetFullPath(file)); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            DataDirectory.Flush(folder);
            if (folder == _root || folder.Length <= _root.Length)
            {
                return;
            }
        }
    }

    /// <summary>The files of one device.</summary>
    internal sealed class Target(DiskFlusher flusher) : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<string, SafeFileHandle> _files = [];
        private List<PendingWrite> _waiting = [];
        private bool _isFlushing;

        /// <summary>Calls back once the write is durable, on another thread.</summary>
        public void Flush(PendingWrite write)
        {
            lock (_lock)
            {
                _waiting.Add(write);
                if (_isFlushing)
                {
                    return;
                }

                _isFlushing = true;
            }

            ThreadPool.UnsafeQueueUserWorkItem(static target => target.FlushWaiting(), this, preferLocal: false);
        }

        public void Dispose()
        {
            lock (_files)
            {
                foreach (var file in _files.Values)
                {
                    file.Dispose();
                }

                _files.Clear();
            }
        }

        private void FlushWaiting()
        {
            while (true)
            {
                List<PendingWrite> writes;
                lock (_lock)
                {
                    if (_waiting.Count == 0)
                    {
                        _isFlushing = false;
                        return;
                    }

                    writes = _waiting;
                    _waiting = [];
                }

                var failure = TryFlush(writes);
                foreach (var write in writes)
                {
                    write.Callback(failure is null ? 0 : InputOutputError, failure is null ? write.Octets : 0, write.Context, failure);
                }
            }
        }

        private Exception? TryFlush(List<PendingWrite> writes)
        {
            try
            {
                lock (_files)
                {
                    foreach (var file in writes.Select(w => w.File).Distinct())
                    {
                        FlushFile(file);
                    }
                }

                return null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                // After a failed flush the kernel may have dropped the pages: a later one would succeed and prove nothing.
                // The store takes no further write once it is told.
                flusher._logger.FlushFailed(e);
                return e;
            }
        }

        private void FlushFile(string file)
        {
            var isNew = !_files.TryGetValue(file, out var handle);
            if (handle is null)
            {
                _files[file] = handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
                CloseOthers(file);
            }

            RandomAccess.FlushToDisk(handle);
            if (isNew)
            {
                flusher.FlushNames(file);
            }
        }

        // A log moves from file to file; the last few are enough.
        private void CloseOthers(string current)
        {
            const int kept = 4;
            while (_files.Count > kept)
            {
                var (oldest, handle) = _files.First(f => f.Key != current);
                handle.Dispose();
                _files.Remove(oldest);
            }
        }
    }

    private readonly ILogger<DiskFlusher> _logger = logger;
}
