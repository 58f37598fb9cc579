using System.Text.Json;
using Relay.Mail.Events;
using Relay.Mail.Incoming;
using Relay.Mail.Messages;
using Relay.Redis.Accounts;
using Relay.Redis.Activity;
using Relay.Redis.Connections;
using Relay.Redis.Durability;
using Relay.Redis.Keys;
using Relay.Redis.Queue;
using Relay.Redis.Records;
using Relay.Redis.Steps;
using StackExchange.Redis;

namespace Relay.Redis.Incoming;

/// <summary>What the world tells, in the partition of the message that it tells of.</summary>
internal sealed class RedisIncomingStore(
    Store store, RedisActivityReader activity, Watermark watermark, Acknowledgement acknowledgement, BrokenDocuments broken) : IIncomingStore
{
    public ValueTask<MessageActivity?> FindAsync(MessageId id, CancellationToken cancellation) => activity.FindAsync(id, cancellation);

    public async ValueTask<TellResult> TellAsync(Telling telling, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!store.IsOpen || store.IsForeign)
        {
            return TellResult.StoreUnavailable;
        }

        if (watermark.IsReached)
        {
            return TellResult.StoreFull;
        }

        var partition = store.PartitionOf(telling.Message);
        var database = store.Connections.Guarded;
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var step = database.CreateTransaction();
                var conditions = TellStep.Add(step, partition.Keys, telling, store.Mark);
                var mark = acknowledgement.IsAsked ? acknowledgement.MarkAlone(step, partition) : default(AcceptMark?);
                if (await step.RunAsync())
                {
                    return mark is { } asked ? ResultOf(await acknowledgement.WaitAsync(asked)) : TellResult.Told;
                }

                if (conditions.Any(condition => !condition.WasSatisfied))
                {
                    return TellResult.ToldBefore;
                }
            }
            catch (Exception e) when (StoreFailure.Covers(e))
            {
                var failure = await StoreFailure.OfStepAsync(e, database, partition.Keys);
                if (!failure.IsOver)
                {
                    return ResultOf(failure);
                }
            }

            if (attempt == StoreRetry.AbortsAtOnce)
            {
                return TellResult.StoreUnavailable;
            }
        }
    }

    public async ValueTask KeepAsideAsync(AsideMail mail, CancellationToken cancellation)
    {
        var document = JsonSerializer.SerializeToUtf8Bytes(mail, RecordJson.Default.AsideMail);
        var key = mail.About is null ? StoreKeys.AsideOfAnybody : StoreKeys.Aside;
        var step = store.Connections.Bulk.CreateTransaction();
        _ = step.ListLeftPushAsync(key, document, When.Always, CommandFlags.FireAndForget);
        _ = step.ListTrimAsync(key, 0, AsideMail.Most - 1, CommandFlags.FireAndForget);
        await StoreFailure.TranslateAsync(step.RunAsync(), cancellation);
    }

    public async ValueTask<IReadOnlyList<AsideMail>> ListAsideAsync(CancellationToken cancellation)
    {
        RedisKey[] keys = [StoreKeys.Aside, StoreKeys.AsideOfAnybody];
        var kept = await StoreFailure.TranslateAsync(Task.WhenAll(keys.Select(key => store.Connections.Bulk.ListRangeAsync(key))), cancellation);
        return [.. keys.Zip(kept).SelectMany(list => list.Second.Select(document => Read(list.First, document))).OfType<AsideMail>().OrderByDescending(mail => mail.Time)];
    }

    private AsideMail? Read(RedisKey key, RedisValue document)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)document).Span, RecordJson.Default.AsideMail) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            broken.Add(key, RedisValue.EmptyString, document, e.Message);
            return null;
        }
    }

    private static TellResult ResultOf(StoreFailure? failure) => failure switch
    {
        null => TellResult.Told,
        { IsFull: true } => TellResult.StoreFull,
        _ => TellResult.StoreUnavailable,
    };
}
