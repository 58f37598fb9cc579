using Tsavorite.core;

namespace Relay.Redis.Embedded;

/// <summary>
/// A device of the embedded store whose writes are durable when they are reported done. The store's own devices only
/// write past the page cache: neither the log nor a checkpoint survived a power cut. With this one a commit that was
/// waited for is on the disk, and the log is cut only behind a checkpoint that is.
/// </summary>
internal sealed class DurableDevice(IDevice inner, DiskFlusher flusher) : IDevice
{
    private readonly DiskFlusher.Target _target = flusher.TargetFor();
    private bool _omitsSegment;

    public uint SectorSize => inner.SectorSize;
    public string FileName => inner.FileName;
    public long Capacity => inner.Capacity;
    public long SegmentSize => inner.SegmentSize;
    public int StartSegment => inner.StartSegment;
    public int EndSegment => inner.EndSegment;

    public int ThrottleLimit
    {
        get => inner.ThrottleLimit;
        set => inner.ThrottleLimit = value;
    }

    public void Initialize(long segmentSize, LightEpoch? epoch = null, bool omitSegmentIdFromFilename = false)
    {
        _omitsSegment = omitSegmentIdFromFilename;
        inner.Initialize(segmentSize, epoch, omitSegmentIdFromFilename);
    }

    public void WriteAsync(
        IntPtr sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context) =>
        inner.WriteAsync(sourceAddress, segmentId, destinationAddress, numBytesToWrite, Written, new PendingWrite(FileOf(segmentId), callback, context));

    public void WriteAsync(
        IntPtr alignedSourceAddress, ulong alignedDestinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context)
    {
        var segment = SegmentSize > 0 ? (int)(alignedDestinationAddress / (ulong)SegmentSize) : 0;
        inner.WriteAsync(
            alignedSourceAddress, alignedDestinationAddress, numBytesToWrite, Written, new PendingWrite(FileOf(segment), callback, context));
    }

    public void ReadAsync(
        int segmentId, ulong sourceAddress, IntPtr destinationAddress, uint readLength, DeviceIOCompletionCallback callback, object context) =>
        inner.ReadAsync(segmentId, sourceAddress, destinationAddress, readLength, callback, context);

    public void ReadAsync(
        ulong alignedSourceAddress, IntPtr alignedDestinationAddress, uint aligned_read_length, DeviceIOCompletionCallback callback, object context) =>
        inner.ReadAsync(alignedSourceAddress, alignedDestinationAddress, aligned_read_length, callback, context);

    public bool TryComplete() => inner.TryComplete();

    public bool Throttle() => inner.Throttle();

    public void TruncateUntilAddressAsync(long toAddress, AsyncCallback callback, IAsyncResult result) =>
        inner.TruncateUntilAddressAsync(toAddress, callback, result);

    public void TruncateUntilAddress(long toAddress) => inner.TruncateUntilAddress(toAddress);

    public void TruncateUntilSegmentAsync(int toSegment, AsyncCallback callback, IAsyncResult result) =>
        inner.TruncateUntilSegmentAsync(toSegment, callback, result);

    public void TruncateUntilSegment(int toSegment) => inner.TruncateUntilSegment(toSegment);

    public void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => inner.RemoveSegmentAsync(segment, callback, result);

    public void RemoveSegment(int segment) => inner.RemoveSegment(segment);

    public long GetFileSize(int segment) => inner.GetFileSize(segment);

    public void Reset() => inner.Reset();

    public void Dispose()
    {
        _target.Dispose();
        inner.Dispose();
    }

    private string FileOf(int segment) => _omitsSegment ? FileName : $"{FileName}.{segment}";

    private void Written(uint errorCode, uint numBytes, object context, Exception ioException)
    {
        var write = (PendingWrite)context;
        if (errorCode != 0 || ioException is not null)
        {
            write.Callback(errorCode, numBytes, write.Context, ioException);
        }
        else
        {
            write.Octets = numBytes;
            _target.Flush(write);
        }
    }
}

/// <summary>A write that the disk has but may still forget, and whom to tell once it cannot.</summary>
internal sealed class PendingWrite(string file, DeviceIOCompletionCallback callback, object context)
{
    public string File { get; } = file;
    public DeviceIOCompletionCallback Callback { get; } = callback;
    public object Context { get; } = context;
    public uint Octets { get; set; }
}

/// <summary>Makes durable devices out of the store's managed ones, for its log, its checkpoints and its pages alike.</summary>
internal sealed class DurableDeviceFactoryCreator(INamedDeviceFactoryCreator inner, DiskFlusher flusher) : INamedDeviceFactoryCreator
{
    public INamedDeviceFactory Create(string baseName) => new Factory(inner.Create(baseName), flusher);

    private sealed class Factory(INamedDeviceFactory inner, DiskFlusher flusher) : INamedDeviceFactory
    {
        public IDevice Get(FileDescriptor fileInfo) => new DurableDevice(inner.Get(fileInfo), flusher);

        public void Delete(FileDescriptor fileInfo) => inner.Delete(fileInfo);

        public IEnumerable<FileDescriptor> ListContents(string path) => inner.ListContents(path);
    }
}
