namespace Relay.Feedback.Returns;

/// <summary>What became of a mail that came back, as metrics name it.</summary>
internal enum Reception
{
    Bounce,
    Complaint,
    Unsubscribe,

    /// <summary>A machine answered in the reader's name: counted, and that is all.</summary>
    AutoReply,

    /// <summary>Another host is still trying: no end, and not our attempt, so no event.</summary>
    Delayed,

    /// <summary>It did arrive, or a check is reported.</summary>
    News,

    /// <summary>It tells what is known.</summary>
    Known,

    /// <summary>Its message is forgotten.</summary>
    Forgotten,

    /// <summary>Nobody could make anything of it; it is kept aside.</summary>
    Aside,
}
