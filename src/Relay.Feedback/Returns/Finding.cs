using Relay.Mail.Events;
using Relay.Mail.Incoming;

namespace Relay.Feedback.Returns;

/// <summary>What a mail that came back comes to, as the message stands now.</summary>
internal abstract record Finding
{
    private Finding()
    {
    }

    /// <summary>It is to be written.</summary>
    public sealed record Told(Reception Reception, Telling Telling) : Finding;

    /// <summary>Somebody wants no more, or calls it spam.</summary>
    /// <param name="Wishes">Each an event of one recipient.</param>
    public sealed record TakesOff(Reception Reception, IReadOnlyList<MailEvent> Wishes) : Finding;

    /// <summary>Nothing follows from it: it is counted.</summary>
    public sealed record Nothing(Reception Reception) : Finding;

    /// <summary>It is to be kept aside.</summary>
    public sealed record Strange(string Reason) : Finding;

    /// <summary>The message is still under way as far as we know.</summary>
    public sealed record Early : Finding
    {
        public static readonly Early Instance = new();
    }
}
