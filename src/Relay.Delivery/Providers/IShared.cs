using Relay.Mail.Sites;

namespace Relay.Delivery.Providers;

/// <summary>Something of which the nodes that deliver have a part each, by what they need of it: what a receiver takes, what an account may send.</summary>
internal interface IShared
{
    /// <summary>As all nodes call it.</summary>
    string Name { get; }

    /// <summary>What to ask the others for; null where nothing is needed and nothing was had.</summary>
    ShareWish? Wish();

    void Take(ConnectionShare share);

    /// <summary>There is nobody to share with, or nothing to ask for.</summary>
    void LookAgain();
}
