using Microsoft.Extensions.Logging;

namespace Relay.Redis;

internal static partial class Log
{
    [LoggerMessage(LogLevel.Information, "The store is open: {Promise}, {Partitions} partitions. {Sentence}")]
    public static partial void StoreOpen(this ILogger logger, Relay.Mail.Queue.PromiseClass promise, int partitions, string sentence);

    [LoggerMessage(LogLevel.Information, "Waiting for the store at {Address}: {Reason}")]
    public static partial void StoreAwaited(this ILogger logger, string address, string reason);

    [LoggerMessage(LogLevel.Error, "The store's settings changed and now promise less: {Promise}. {Sentence}")]
    public static partial void PromiseBroken(this ILogger logger, Relay.Mail.Queue.PromiseClass promise, string sentence);

    [LoggerMessage(LogLevel.Warning, "{Warning}")]
    public static partial void StoreWarning(this ILogger logger, string warning);

    [LoggerMessage(LogLevel.Warning, "The store's primaries are now {Primaries}")]
    public static partial void PrimariesChanged(this ILogger logger, string primaries);

    [LoggerMessage(LogLevel.Critical, "{Words}")]
    public static partial void StoreForeign(this ILogger logger, string words);

    [LoggerMessage(LogLevel.Warning, "The store does not answer: {Reason}")]
    public static partial void StoreAway(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Information, "The store answers again")]
    public static partial void StoreBack(this ILogger logger);

    [LoggerMessage(LogLevel.Warning, "The store is nearly full ({Used} of {Limit} octets): new mail is refused until it empties")]
    public static partial void WatermarkReached(this ILogger logger, long used, long limit);

    [LoggerMessage(LogLevel.Information, "The store has room again")]
    public static partial void WatermarkPassed(this ILogger logger);

    [LoggerMessage(LogLevel.Debug, "Partition {Partition} is ours, epoch {Epoch}")]
    public static partial void PartitionTaken(this ILogger logger, int partition, long epoch);

    [LoggerMessage(LogLevel.Error, "Partition {Partition} was taken by {Owner}; the outcomes of what is in flight are handed to it")]
    public static partial void PartitionLost(this ILogger logger, int partition, string owner);

    [LoggerMessage(LogLevel.Error, "The store has lost its last steps: partition {Partition} was at {Known} and is at {Found}. What it gave back is settled again as far as it is known, the rest is sent again")]
    public static partial void StoreWentBack(this ILogger logger, int partition, string known, string found);

    [LoggerMessage(LogLevel.Warning, "The leases of partitions could not be renewed: {Reason}")]
    public static partial void LeaseFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Error, "{Count} outcomes in partition {Partition} came too late: it has another owner by now, to whom they were handed")]
    public static partial void SettleFenced(this ILogger logger, int count, int partition);

    [LoggerMessage(LogLevel.Error, "The events of partition {Partition} are projected by another owner")]
    public static partial void ProjectFenced(this ILogger logger, int partition);

    [LoggerMessage(LogLevel.Warning, "The store is full and refuses steps: {Count} units that ended were taken out of it one by one, and will be told of when it has room")]
    public static partial void Drained(this ILogger logger, int count);

    [LoggerMessage(LogLevel.Debug, "Whether accounts were changed cannot be seen, so nothing that was read of them is relied on: {Reason}")]
    public static partial void AccountChangesUnread(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "A step is tried again after attempt {Attempt}: {Reason}")]
    public static partial void StepRetried(this ILogger logger, int attempt, string reason);

    [LoggerMessage(LogLevel.Warning, "Lanes could not be read: {Reason}")]
    public static partial void RefillFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Events could not be projected, and wait: {Reason}")]
    public static partial void ProjectFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Error, "'{Entry}' among the finished messages of partition {Partition} cannot be read; it is set aside")]
    public static partial void UnreadableEnd(this ILogger logger, string entry, int partition);

    [LoggerMessage(LogLevel.Error, "The document '{Field}' of {Key} cannot be read: {Reason}. A copy is kept in relay:unreadable")]
    public static partial void UnreadableDocument(this ILogger logger, string field, string key, string reason);

    [LoggerMessage(LogLevel.Error, "An event of {Octets} octets in partition {Partition} cannot be read; it is set aside")]
    public static partial void UnreadableEvent(this ILogger logger, int partition, int octets);

    [LoggerMessage(LogLevel.Warning, "Unit {Unit} waits but its record is not there; it is looked at again")]
    public static partial void RecordMissing(this ILogger logger, string unit);

    [LoggerMessage(LogLevel.Error, "Unit {Unit} of lane {Lane} was set aside: {Reason}")]
    public static partial void SetAside(this ILogger logger, string unit, string lane, string reason);

    [LoggerMessage(LogLevel.Information, "Message {Id}, whose accept was not answered in time, is taken back")]
    public static partial void AcceptCancelled(this ILogger logger, string id);

    [LoggerMessage(LogLevel.Warning, "The suspensions could not be read; those known stay in force: {Reason}")]
    public static partial void SuspensionsUnread(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Other nodes cannot be heard; what they ask and suspend is looked for: {Reason}")]
    public static partial void BellUnheard(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Other nodes cannot be heard; mail in hand may go to an address that they have suppressed this moment: {Reason}")]
    public static partial void SuppressionsUnheard(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Error, "The suspension {Id} cannot be read; it is not in force")]
    public static partial void SuspensionUnreadable(this ILogger logger, string id, Exception exception);

    [LoggerMessage(LogLevel.Information, "{Kind} was asked for in partition {Partition} by {By}: {Reason}")]
    public static partial void AskBegun(this ILogger logger, Relay.Mail.Queue.AskKind kind, int partition, string by, string reason);

    [LoggerMessage(LogLevel.Warning, "What is asked of partitions could not be read, and waits: {Reason}")]
    public static partial void AsksUnread(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Error, "Something asked of partition {Partition} failed; it is tried again")]
    public static partial void AskFailed(this ILogger logger, int partition, Exception exception);

    [LoggerMessage(LogLevel.Error, "Something asked of partition {Partition} cannot be read; it stays where it is")]
    public static partial void AskUnreadable(this ILogger logger, int partition, Exception exception);

    [LoggerMessage(LogLevel.Critical, "{Loop} ended unexpectedly")]
    public static partial void LoopEnded(this ILogger logger, string loop, Exception exception);

    [LoggerMessage(LogLevel.Error, "The embedded store cannot write to its disk; it can be read, and takes nothing new until there is room: {Reason}")]
    public static partial void StorageFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Critical, "The embedded store cannot read its files: {Reason}")]
    public static partial void StorageUnreadable(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Information, "The embedded store writes to its disk again")]
    public static partial void StorageRecovered(this ILogger logger);

    [LoggerMessage(LogLevel.Error, "Commands to the embedded store were not executed")]
    public static partial void TurnFailed(this ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Information, "Partition {Partition} is given to another node")]
    public static partial void PartitionGiven(this ILogger logger, int partition);

    [LoggerMessage(LogLevel.Warning, "Partition {Partition} is given to another node with attempts still under way; it takes them for uncertain until their outcomes come")]
    public static partial void PartitionGivenEarly(this ILogger logger, int partition);

    [LoggerMessage(LogLevel.Information, "{Nodes} nodes deliver; this one's share is {Share} of {Partitions} partitions")]
    public static partial void SharesChanged(this ILogger logger, int nodes, int share, int partitions);

    [LoggerMessage(LogLevel.Warning, "Other nodes cannot be heard; what they accept for this one is seen a second later: {Reason}")]
    public static partial void WakesUnheard(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Where units are could not be noted in the store: {Reason}")]
    public static partial void DotsFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Other nodes could not be woken; they will see by themselves: {Reason}")]
    public static partial void WakeFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Attempts of {Count} units in partition {Partition} went past their dot before this node had it, and nobody heard the end; they are uncertain")]
    public static partial void DotsFound(this ILogger logger, int count, int partition);

    [LoggerMessage(LogLevel.Information, "Removed {Count} notes from partition {Partition}: an owner before this node wrote them too late, and did not send")]
    public static partial void StrayNotes(this ILogger logger, int count, int partition);

    [LoggerMessage(LogLevel.Information, "The journal holds {Count} attempts of this node's former run")]
    public static partial void JournalFound(this ILogger logger, int count);

    [LoggerMessage(LogLevel.Information, "Unit {Unit}: the outcome of an attempt came late and is settled now")]
    public static partial void LateSettled(this ILogger logger, string unit);

    [LoggerMessage(LogLevel.Warning, "Unit {Unit} was delivered twice: the outcome of an attempt came when another had been made")]
    public static partial void Doubled(this ILogger logger, string unit);

    [LoggerMessage(LogLevel.Error, "An outcome that came late to partition {Partition} cannot be read: {Reason}; it is set aside")]
    public static partial void LateUnreadable(this ILogger logger, int partition, string reason);

    [LoggerMessage(LogLevel.Error, "The journal {File} is damaged: {Problem}")]
    public static partial void JournalDamaged(this ILogger logger, string file, string problem);

    [LoggerMessage(LogLevel.Error, "The journal {File} cannot be read and is set aside: {Problem}")]
    public static partial void JournalUnreadable(this ILogger logger, string file, string problem);

    [LoggerMessage(LogLevel.Error, "The journal has no room; attempts cut short by a kill may from now on be repeated unseen: {Reason}")]
    public static partial void JournalFull(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Information, "The journal has room again")]
    public static partial void JournalGoesOn(this ILogger logger);

    [LoggerMessage(LogLevel.Error, "Whether accepts reached replicas or the disk could not be asked; their senders are told to come back")]
    public static partial void AcknowledgementFailed(this ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Warning, "The webhooks could not be read, and stay as they were: {Reason}")]
    public static partial void WebhooksUnread(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "Of some partitions it cannot be read which events wait for webhooks, and those wait on: {Reason}")]
    public static partial void WebhookLanesUnread(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "The webhook {Webhook} of {Account} takes less than happens: the events of {Count} messages gave way to newer ones")]
    public static partial void WebhookEventsDropped(this ILogger logger, string webhook, string account, long count);

    [LoggerMessage(LogLevel.Warning, "What happened to {Count} messages is forgotten, and the webhook {Webhook} of {Account} had not taken all of it yet")]
    public static partial void WebhookEventsForgotten(this ILogger logger, string webhook, string account, long count);

    [LoggerMessage(LogLevel.Warning, "The webhook {Webhook} of {Account} cannot be read now, and what waits for it stays: {Reason}")]
    public static partial void WebhookNotFound(this ILogger logger, string webhook, string account, string reason);
}
