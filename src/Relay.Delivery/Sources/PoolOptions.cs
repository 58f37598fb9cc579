using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Relay.Mail.Messages;

namespace Relay.Delivery.Sources;

/// <summary>Addresses of this machine from which a part of the mail leaves, and no other. The first pool that fits a message counts.</summary>
public sealed class PoolOptions
{
    /// <summary>For people, and apart from other pools: mail of two pools never shares a connection.</summary>
    [Required]
    public string Name { get; set; } = "";

    /// <summary>Ids of the accounts whose mail it is for; empty is all.</summary>
    public string[] Accounts { get; set; } = [];

    /// <summary>The class of mail it is for; none is both.</summary>
    public MessageClass? Class { get; set; }

    [MinLength(1), ValidateEnumeratedItems]
    public List<PoolAddressOptions> Addresses { get; set; } = [];
}

public sealed class PoolAddressOptions
{
    [Required]
    public string Address { get; set; } = "";

    /// <summary>What this address is called in EHLO; none is the relay's own name.</summary>
    // Receivers compare it with the name that the address resolves to.
    public string? HostName { get; set; }

    /// <summary>How many sites it serves, beside the others of its family.</summary>
    [Range(1, 1_000)]
    public int Weight { get; set; } = 1;

    /// <summary>The first day, in UTC, on which a new address is used; none is one that is known already.</summary>
    public DateOnly? WarmUpFrom { get; set; }

    /// <summary>The percentage of the pool's connections that a new address has on its first, second, ... day. Afterwards its weight counts. Empty takes <see cref="DefaultWarmUp"/>.</summary>
    // Empty rather than the default itself: a configured list would be appended to what stands here.
    public int[] WarmUp { get; set; } = [];

    /// <summary>Twice as much every other day is what large receivers ask of a stranger; within two weeks they know it.</summary>
    internal static IReadOnlyList<int> DefaultWarmUp { get; } = [1, 1, 2, 2, 4, 4, 8, 8, 15, 15, 30, 30, 50, 50];
}

[OptionsValidator]
internal sealed partial class PoolOptionsValidator : IValidateOptions<PoolOptions>;
