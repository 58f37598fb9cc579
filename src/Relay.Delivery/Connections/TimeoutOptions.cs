using System.ComponentModel.DataAnnotations;

namespace Relay.Delivery.Connections;

/// <summary>How long a remote has for each step. The defaults are the minima of RFC 5321, 4.5.3.2, where it names one.</summary>
public sealed class TimeoutOptions
{
    // Not in the RFC. A host that is up answers a SYN within some seconds, retransmissions included.
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Connect { get; set; } = TimeSpan.FromSeconds(30);

    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Greeting { get; set; } = TimeSpan.FromMinutes(5);

    // Not in the RFC by name; it is a command like MAIL.
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Ehlo { get; set; } = TimeSpan.FromMinutes(5);

    // Not in the RFC. A handshake is two round trips and a signature.
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan TlsHandshake { get; set; } = TimeSpan.FromMinutes(1);

    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Mail { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>For the first word on a connection that lay unused: then it is taken for dead, and another one opened. That is no attempt.</summary>
    // Not in the RFC. A host that is there answers within some round trips; mail should not wait minutes for one that is not.
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Reuse { get; set; } = TimeSpan.FromSeconds(10);

    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Recipient { get; set; } = TimeSpan.FromMinutes(5);

    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Data { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>For each write of content.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan DataBlock { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>From the final dot to its reply. Too short a time makes doubles.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan EndOfData { get; set; } = TimeSpan.FromMinutes(10);

    // Courtesy only; nothing depends on the answer.
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan Quit { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>From the beginning of a post to a webhook to its answer; one that fails is left alone for as long.</summary>
    // Enough for a program that stores what it gets; one that works first should answer before.
    [Range(typeof(TimeSpan), "00:00:00.050", "00:05:00")]
    public TimeSpan Webhook { get; set; } = TimeSpan.FromSeconds(30);
}
