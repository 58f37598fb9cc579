using System.Globalization;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Redis.Keys;
using StackExchange.Redis;

namespace Relay.Redis.Usage;

/// <summary>
/// Counts what a step accepts, in that step: recipients by account and by credential, one field a day.
/// <code>
/// writes     HINCRBY used:ACCOUNT|YYYY-MM "DD" n              for each account
///            HINCRBY used:ACCOUNT|YYYY-MM "DD CREDENTIAL" n   for each credential
///            EXPIRE  used:ACCOUNT|YYYY-MM                     once a process, and again where the store may have forgotten it
/// </code>
/// Where many partitions share a step their messages are counted in one of them: what counts is the sum over all.
/// </summary>
internal sealed class UsageStep
{
    private const CommandFlags Unheard = CommandFlags.FireAndForget;

    // Some megabytes at the most; beyond it they are dated anew.
    private const int MaxDated = 50_000;

    // The month before can be looked at until this one ends.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(70);

    private readonly Lock _lock = new();
    private readonly HashSet<RedisKey> _dated = [];

    public UsageStep(Store store) => store.Doubted += Forget;

    public void Add(IDatabaseAsync step, PartitionKeys keys, IEnumerable<Message> messages)
    {
        foreach (var (sender, recipients) in Sum(messages))
        {
            var key = keys.Used(sender.Account, sender.Day);
            step.HashIncrementAsync(key, FieldOf(sender.Day, null), recipients, Unheard);
            step.HashIncrementAsync(key, FieldOf(sender.Day, sender.Credential), recipients, Unheard);
            if (IsUndated(key))
            {
                step.KeyExpireAsync(key, Kept, Unheard);
            }
        }
    }

    /// <summary>What a message counted counts no more.</summary>
    public static void TakeBack(IDatabaseAsync step, PartitionKeys keys, Message message)
    {
        if (UsedUp.By(message) is > 0 and var recipients)
        {
            var day = UsedUp.DayOf(message);
            var key = keys.Used(message.Account, day);
            step.HashDecrementAsync(key, FieldOf(day, null), recipients, Unheard);
            step.HashDecrementAsync(key, FieldOf(day, message.Credential), recipients, Unheard);
        }
    }

    /// <summary>A step failed, or the store may have lost its last moment: what was dated may not be.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _dated.Clear();
        }
    }

    /// <summary>The day of the month, such as <c>07</c>, and behind it the credential.</summary>
    public static RedisValue FieldOf(DateOnly day, string? credential) => credential is null
        ? string.Create(CultureInfo.InvariantCulture, $"{day.Day:00}")
        : string.Create(CultureInfo.InvariantCulture, $"{day.Day:00} {credential}");

    private static Dictionary<(string Account, string Credential, DateOnly Day), int> Sum(IEnumerable<Message> messages)
    {
        var sums = new Dictionary<(string Account, string Credential, DateOnly Day), int>();
        foreach (var message in messages)
        {
            if (UsedUp.By(message) is > 0 and var recipients)
            {
                var sender = (message.Account, message.Credential, UsedUp.DayOf(message));
                sums[sender] = sums.GetValueOrDefault(sender) + recipients;
            }
        }

        return sums;
    }

    private bool IsUndated(RedisKey key)
    {
        lock (_lock)
        {
            if (_dated.Count >= MaxDated)
            {
                _dated.Clear();
            }

            return _dated.Add(key);
        }
    }
}
