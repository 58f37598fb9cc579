using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Mail.Queue;

namespace Relay.Redis;

/// <summary>Where mail is kept; bound to the <c>Relay</c> section itself.</summary>
public sealed class StoreOptions
{
    /// <summary>A connection string as StackExchange.Redis reads it; null is the embedded store.</summary>
    // Nothing to install for a first try.
    public string? Redis { get; set; }

    [Required]
    public RedisTlsOptions RedisTls { get; set; } = new();

    /// <summary>Holds the embedded store, this node's id, and the lock that keeps a second relay out.</summary>
    [Required]
    public string DataDirectory { get; set; } = "data";

    [ValidateObjectMembers]
    public DurabilityOptions Durability { get; set; } = new();

    [ValidateObjectMembers]
    public QueueOptions Queue { get; set; } = new();

    internal bool IsEmbedded => string.IsNullOrWhiteSpace(Redis);

    /// <summary>Only a node that delivers owns partitions. Follows from <c>Relay:Roles</c>.</summary>
    internal bool Delivers { get; set; } = true;

    /// <summary><c>Relay:Roles</c>, as other nodes are told.</summary>
    internal IReadOnlyList<string> Roles { get; set; } = [];
}

/// <summary>For a store that speaks TLS, as <see cref="StoreOptions.Redis"/> says. All are files in PEM form.</summary>
public sealed class RedisTlsOptions
{
    /// <summary>The certificates of who may sign the store's; null: whom the system trusts.</summary>
    // A store bought as a service has a public one; who runs it himself names his own.
    public string? Authority { get; set; }

    /// <summary>What the relay shows where the store asks for it; what stands behind it in the file is sent along.</summary>
    // A redis-server asks unless it is told not to (tls-auth-clients); services ask for a password instead.
    public string? Certificate { get; set; }

    /// <summary>Its key.</summary>
    public string? Key { get; set; }
}

public sealed class DurabilityOptions
{
    /// <summary>The relay does not start on a store that promises less.</summary>
    // What a Redis with its usual append-only file gives; less would lose mail in an ordinary crash.
    [EnumDataType(typeof(PromiseClass))]
    public PromiseClass Required { get; set; } = PromiseClass.CrashSafe;

    /// <summary>What the store promises, where it does not let its settings be read (CONFIG forbidden).</summary>
    [EnumDataType(typeof(PromiseClass))]
    public PromiseClass? Assume { get; set; }

    /// <summary>Replicas that must have an accept before it is answered. With fewer in time the sender is told to come back.</summary>
    // Without a replica none could; with some, whether mail should wait for them is for the operator to say.
    [Range(0, 16)]
    public int Replicas { get; set; }

    /// <summary>
    /// Whether an accept waits until the store's file is flushed (WAITAOF). Null: where the store can and flushes once a
    /// second; true: the relay does not start where it cannot.
    /// </summary>
    // The strongest promise that the store can give; the price is up to a second before a submission is answered.
    public bool? WaitForDisk { get; set; }
}

public sealed class QueueOptions
{
    /// <summary>Partitions of a new store, a power of two. Null is 16, or 64 on a cluster. An existing store keeps the number it was made with.</summary>
    // 16 keep the steps of one server small; a cluster needs several a shard so that shards can be added.
    [Range(1, 1024)]
    public int? Partitions { get; set; }

    /// <summary>Due units held in memory so that they need not be read back. What does not fit stays in the store.</summary>
    // Some seconds of top speed.
    [Range(64, 1_000_000)]
    public int WindowUnits { get; set; } = 16_384;

    /// <summary>Octets of content held in memory for them.</summary>
    // About 6,000 messages of 10 KiB.
    [Range(1_048_576, long.MaxValue)]
    public long WindowBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Lanes (a destination's mail of one account and class) known in memory. Others are found in the store when these make place.</summary>
    // Some 50 MiB of names and times. Far more than can be in flight or in the window.
    [Range(1_024, 10_000_000)]
    public int WindowLanes { get; set; } = 65_536;

    /// <summary>The most of the window that one account may fill.</summary>
    // Leaves room for everybody else while one sends a bulk run.
    [Range(0.01, 1)]
    public double AccountShare { get; set; } = 0.5;

    /// <summary>How long a partition stays its owner's without a renewal.</summary>
    // So long a killed node's mail lies still, and a little longer. A third of it may pass without a renewal, a pause of the
    // store for instance, before nothing more is sent; two thirds may pass between the last look and the last octet.
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the store may take to answer before a submission is told to come back.</summary>
    // Clients wait far longer for the final reply (RFC 5321, 4.5.3.2.6), but a connection held is a connection lost for others. At
    // most so long that what bounds each answer besides (StoreAnswers) comes later.
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:10")]
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long an entry without its record is waited for before it is set aside.</summary>
    // A record on its way is there within the answer timeout; ten times that is no accident.
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan MissingRecordGrace { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long it is known what happened to a message after its end.</summary>
    public TimeSpan ActivityKept { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Finished messages whose activity is kept at most; beyond it the oldest goes first.</summary>
    // About 1 KiB each.
    [Range(1_024, 100_000_000)]
    public int ActivityMessages { get; set; } = 1_000_000;

    /// <summary>Messages whose events may wait for one webhook; beyond it the oldest give way.</summary>
    // Some hundred octets each, and what happened to them is kept anyway: half a day of ten messages a minute from each of a
    // hundred shops, or an hour of what a large one sends.
    [Range(16, 10_000_000)]
    public int WebhookMessages { get; set; } = 50_000;

    /// <summary>The share of the store's memory at which new mail is refused, so that what is queued can still be settled.</summary>
    [Range(0.1, 1)]
    public double Watermark { get; set; } = 0.8;
}

[OptionsValidator]
internal sealed partial class StoreOptionsValidator : IValidateOptions<StoreOptions>;
