using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.TestKit.Dns;

/// <summary>Just enough of the DNS message format to answer one question (RFC 1035, 4).</summary>
internal static class DnsWire
{
    public const int Cname = 5;
    public const int NoSuchName = 3;

    public static bool TryReadQuestion(ReadOnlySpan<byte> query, out DnsQuestion question)
    {
        question = default;
        var labels = new List<string>();
        var position = 12;
        while (position < query.Length && query[position] is var length and > 0 and < 64 && position + 1 + length < query.Length)
        {
            labels.Add(Encoding.ASCII.GetString(query.Slice(position + 1, length)));
            position += 1 + length;
        }

        if (position + 5 > query.Length)
        {
            return false;
        }

        question = new DnsQuestion(string.Join('.', labels), BinaryPrimitives.ReadUInt16BigEndian(query[(position + 1)..]), position + 5);
        return true;
    }

    public static byte[] Write(ReadOnlySpan<byte> query, DnsQuestion question, int code, List<(string Owner, uint Ttl, DnsRecord Record)> answers, bool truncated, bool validated = false)
    {
        var message = new MemoryStream();
        Put16(message, BinaryPrimitives.ReadUInt16BigEndian(query));
        // QR, AA, TC, RD as asked, RA, AD, and the response code.
        Put16(message, 0x8480 | (truncated ? 0x0200 : 0) | (validated ? 0x0020 : 0) | ((query[2] & 1) << 8) | code);
        Put16(message, 1);
        Put16(message, answers.Count);
        Put16(message, 0);
        Put16(message, 0);
        message.Write(query[12..question.End]);
        foreach (var (owner, ttl, record) in answers)
        {
            message.Write(Name(owner));
            Put16(message, record.Type);
            Put16(message, 1);
            Put16(message, (int)(ttl >> 16));
            Put16(message, (int)(ttl & 0xffff));
            Put16(message, record.Data.Length);
            message.Write(record.Data);
        }

        return message.ToArray();
    }

    public static byte[] Name(string name)
    {
        var labels = name.TrimEnd('.').Split('.', StringSplitOptions.RemoveEmptyEntries).Select(Encoding.ASCII.GetBytes);
        return [.. labels.SelectMany(l => (byte[])[(byte)l.Length, .. l]), 0];
    }

    private static void Put16(MemoryStream message, int value)
    {
        message.WriteByte((byte)(value >> 8));
        message.WriteByte((byte)value);
    }
}

/// <param name="End">Where in the query the question ends.</param>
internal readonly record struct DnsQuestion(string Name, int Type, int End);

internal sealed record DnsRecord(int Type, byte[] Data, string? Target = null)
{
    public static DnsRecord Address(IPAddress address) =>
        new(address.AddressFamily == AddressFamily.InterNetwork ? 1 : 28, address.GetAddressBytes());

    public static DnsRecord Mx(int preference, string host) =>
        new(15, [(byte)(preference >> 8), (byte)preference, .. DnsWire.Name(host)]);

    public static DnsRecord Cname(string target) => new(DnsWire.Cname, DnsWire.Name(target), target);

    public static DnsRecord Ns(string host) => new(2, DnsWire.Name(host));

    public static DnsRecord Ptr(string name) => new(12, DnsWire.Name(name));

    public static DnsRecord Tlsa(int usage, int selector, int matching, byte[] association) =>
        new(52, [(byte)usage, (byte)selector, (byte)matching, .. association]);

    public static DnsRecord Txt(string text) =>
        new(16, [.. Encoding.UTF8.GetBytes(text).Chunk(255).SelectMany(c => (byte[])[(byte)c.Length, .. c])]);
}
