using System.Buffers;

namespace Relay.Feedback.Incoming;

/// <summary>
/// Reads a raw message as a report. Whatever the octets are, the answer is a value: what cannot be understood is
/// <see cref="ReportKind.Other"/>. Time and memory are bounded by <see cref="MaxOctets"/>, not by the message.
/// </summary>
public static class ReportReader
{
    // What is reported stands in front of the mail given back; the rest of a large one is never looked at.
    public const int MaxOctets = 1024 * 1024;

    /// <summary>Reads no further than <see cref="MaxOctets"/>.</summary>
    public static async Task<IncomingReport> ReadAsync(Stream message, CancellationToken cancellation)
    {
        var octets = ArrayPool<byte>.Shared.Rent(MaxOctets);
        try
        {
            var length = await message.ReadAtLeastAsync(octets.AsMemory(0, MaxOctets), MaxOctets, throwOnEndOfStream: false, cancellation);
            return Read(octets.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(octets);
        }
    }

    public static IncomingReport Read(ReadOnlySpan<byte> message)
    {
        var letter = LetterReader.Read(message.Length > MaxOctets ? message[..MaxOctets] : message);
        var report = Complaints.Read(letter)
            ?? DeliveryReports.Read(letter)
            ?? ServiceNotices.Read(letter)
            ?? UnsubscribeWishes.Read(letter)
            ?? FreeTextBounces.Read(letter)
            ?? AutoReplies.Read(letter)
            ?? (letter.IsReceipt ? IncomingReport.Other with { IsNews = true } : IncomingReport.Other);
        return report with { Subject = letter.Header["Subject"] ?? "" };
    }
}
