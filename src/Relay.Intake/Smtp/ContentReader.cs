namespace Relay.Intake.Smtp;

/// <summary>Carries octets from the wire into a content, as far as it goes and no further: what is behind it are commands.</summary>
internal static class ContentReader
{
    /// <summary>Reads up to and with the final dot.</summary>
    public static async ValueTask<ContentRead> ReadDataAsync(SmtpWire wire, IncomingContent content)
    {
        wire.Patience.BeginContent();
        while (!content.IsComplete)
        {
            if (content.IsAbsurd)
            {
                return ContentRead.Absurd;
            }

            if (wire.Unread.IsEmpty && !await wire.ReadContentAsync())
            {
                return ContentRead.Broken;
            }

            content.Take(ref wire.Unread);
            await content.StoreAsync();
        }

        return ContentRead.Whole;
    }

    /// <summary>Reads just so many octets.</summary>
    public static async ValueTask<ContentRead> ReadChunkAsync(SmtpWire wire, IncomingContent content, long octets)
    {
        wire.Patience.BeginContent();
        while (octets > 0)
        {
            if (wire.Unread.IsEmpty && !await wire.ReadContentAsync())
            {
                return ContentRead.Broken;
            }

            octets -= content.Take(ref wire.Unread, octets);
            await content.StoreAsync();
        }

        return content.IsAbsurd ? ContentRead.Absurd : ContentRead.Whole;
    }

    /// <summary>Reads just so many octets and forgets them. False when the client is gone.</summary>
    public static async ValueTask<bool> SkipAsync(SmtpWire wire, long octets)
    {
        wire.Patience.BeginContent();
        while (octets > 0)
        {
            if (wire.Unread.IsEmpty && !await wire.ReadContentAsync())
            {
                return false;
            }

            var part = Math.Min(octets, wire.Unread.Length);
            wire.Unread = wire.Unread.Slice(part);
            octets -= part;
        }

        return true;
    }
}

/// <summary>How the reading of a content ended.</summary>
internal enum ContentRead
{
    Whole,

    /// <summary>It is so large that nobody reads on.</summary>
    Absurd,

    /// <summary>The client went, or let us wait too long.</summary>
    Broken,
}
