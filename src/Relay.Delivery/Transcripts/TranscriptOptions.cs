using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Transcripts;

/// <summary>The dialogues that are kept with messages.</summary>
public sealed class TranscriptOptions
{
    /// <summary>How long the dialogue of a failed attempt is kept; zero keeps none.</summary>
    // A failure that nobody has asked about within some days, nobody will; the reply itself stays in the activity.
    [Range(typeof(TimeSpan), "00:00:00", "7.00:00:00")]
    public TimeSpan Kept { get; set; } = TimeSpan.FromDays(3);

    /// <summary>Of so many good attempts one is kept too; 0 keeps none.</summary>
    // Enough to see what a normal dialogue with a host looks like, at no cost worth naming.
    [Range(0, 1_000_000)]
    public int SampleOneIn { get; set; } = 1_000;
}
