using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Relay.Redis.Embedded.Storage;

/// <summary>
/// Tells a torn end of RocksDB's log from a hole in it. Every turn is one record, and the next is written only after it
/// was flushed. So what is wrong was never answered if no whole record follows it; if one does, it was, and it is lost.
/// <code>
/// file      blocks of 32 KiB
/// record    checksum 4, length 2, type 1, payload; within one block; little-endian
/// type      1 whole, 2 first part, 3 middle part, 4 last part; 5 to 8 the same, with the file's number before the payload
/// </code>
/// </summary>
internal static class LogTail
{
    private const int BlockLength = 32 * 1024;
    private const int HeaderLength = 7;

    private enum Part
    {
        Other,
        Whole,
        First,
        Middle,
        Last,
    }

    /// <summary>Where the logs in a folder have a hole, or null when all that is wrong is a torn end.</summary>
    public static string? FindHole(string folder)
    {
        string? wrong = null;
        foreach (var log in Directory.GetFiles(folder, "*.log").Where(f => new FileInfo(f).Length > 0).Order(StringComparer.Ordinal))
        {
            if (wrong is not null)
            {
                return wrong;
            }

            var octets = File.ReadAllBytes(log);
            if (FirstWrong(octets) is not { } position)
            {
                continue;
            }

            wrong = string.Create(CultureInfo.InvariantCulture, $"'{log}' is damaged at octet {position}, and what follows was answered");
            if (HasWholeRecord(octets, position + 1))
            {
                return wrong;
            }
        }

        return null;
    }

    private static int? FirstWrong(ReadOnlySpan<byte> octets)
    {
        var position = 0;
        while (position < octets.Length)
        {
            var left = BlockLength - (position % BlockLength);
            if (left < HeaderLength)
            {
                position += left;
            }
            else if (TryRead(octets, position, out _, out var next))
            {
                position = next;
            }
            else
            {
                return position;
            }
        }

        return null;
    }

    private static bool HasWholeRecord(ReadOnlySpan<byte> octets, int position)
    {
        var isInside = false;
        while (position < octets.Length)
        {
            if (!TryRead(octets, position, out var part, out var next))
            {
                // Where a record begins is known again with the next block; within this one it has to be tried.
                position++;
                continue;
            }

            if (part == Part.Whole || (part == Part.Last && isInside))
            {
                return true;
            }

            isInside = part == Part.First || (part == Part.Middle && isInside);
            position = next;
        }

        return false;
    }

    private static bool TryRead(ReadOnlySpan<byte> octets, int position, out Part part, out int next)
    {
        part = Part.Other;
        next = position;
        var block = octets[position..Math.Min(octets.Length, (position / BlockLength * BlockLength) + BlockLength)];
        if (block.Length < HeaderLength)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(block[4..]);
        var type = block[6];
        if (type == 0 || block.Length < HeaderLength + length)
        {
            return false;
        }

        var isNumbered = type is >= 5 and <= 8;
        var end = HeaderLength + (isNumbered ? 4 : 0) + length;
        if (block.Length < end || Masked(Checksum(block[6..end])) != BinaryPrimitives.ReadUInt32LittleEndian(block))
        {
            return false;
        }

        part = (isNumbered ? type - 4 : type) switch
        {
            1 => Part.Whole,
            2 => Part.First,
            3 => Part.Middle,
            4 => Part.Last,
            _ => Part.Other,
        };
        next = position + end;
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> octets)
    {
        var checksum = uint.MaxValue;
        for (; octets.Length >= 8; octets = octets[8..])
        {
            checksum = BitOperations.Crc32C(checksum, BinaryPrimitives.ReadUInt64LittleEndian(octets));
        }

        foreach (var octet in octets)
        {
            checksum = BitOperations.Crc32C(checksum, octet);
        }

        return ~checksum;
    }

    // A checksum over data that holds checksums is weak; so it is stored in another form.
    private static uint Masked(uint checksum) => BitOperations.RotateRight(checksum, 15) + 0xa282ead8;
}
