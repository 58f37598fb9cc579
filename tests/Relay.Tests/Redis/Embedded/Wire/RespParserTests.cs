using System.Text;
using Relay.Redis.Embedded.Wire;

namespace Relay.Tests.Redis.Embedded.Wire;

public sealed class RespParserTests
{
    private const string Stream =
        "*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\na\r\n$1b\r\n*0\r\n\r\nGET  k\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nQUIT\r\n";

    private static readonly string[] Expected = ["PING", "SET|k|a\r\n$1b", "GET|k", "GET|", "QUIT"];

    [Fact]
    public void Every_split_gives_the_same_commands()
    {
        var octets = Encoding.ASCII.GetBytes(Stream);
        for (var first = 0; first <= octets.Length; first++)
        {
            for (var second = first; second <= octets.Length; second++)
            {
                Assert.Equal(Expected, Read(octets, first, second, octets.Length));
            }
        }
    }

    [Fact]
    public void Octet_by_octet_gives_the_same_commands()
    {
        var octets = Encoding.ASCII.GetBytes(Stream);

        Assert.Equal(Expected, Read(octets, [.. Enumerable.Range(1, octets.Length)]));
    }

    [Fact]
    public void An_unfinished_prefix_gives_only_the_commands_that_are_whole()
    {
        var octets = Encoding.ASCII.GetBytes(Stream);
        for (var length = 0; length < octets.Length; length++)
        {
            var commands = Read(octets, length);

            Assert.Equal(Expected.Take(commands.Count), commands);
            Assert.True(commands.Count < Expected.Length);
        }
    }

    [Theory]
    [InlineData("*x\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*1048577\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*99999999999999999999999\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*000000000000000000000000000000000001", "Protocol error: invalid multibulk length")]
    [InlineData("*1\n", "Protocol error: invalid multibulk length")]
    [InlineData("*1\r\n:1\r\n", "Protocol error: expected '$', got ':'")]
    [InlineData("*1\r\n*1\r\n", "Protocol error: expected '$', got '*'")]
    [InlineData("*1\r\n$-1\r\n", "Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$67108865\r\n", "Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$1x\r\n", "Protocol error: invalid bulk length")]
    public void What_cannot_be_a_command_is_an_error(string wire, string error)
    {
        var parser = default(RespParser);

        Assert.False(parser.TryRead(Encoding.ASCII.GetBytes(wire), new CommandList()));
        Assert.Equal(error, parser.Error);
    }

    [Fact]
    public void A_line_without_end_is_an_error()
    {
        var parser = default(RespParser);

        Assert.False(parser.TryRead(new byte[Limits.LongestInline + 1], new CommandList()));
        Assert.Equal("Protocol error: too big inline request", parser.Error);
    }

    private static List<string> Read(byte[] octets, params int[] ends)
    {
        var parser = default(RespParser);
        var commands = new CommandList();
        foreach (var end in ends)
        {
            while (parser.TryRead(octets.AsSpan(0, end), commands))
            {
            }
        }

        Assert.Null(parser.Error);
        var texts = new List<string>();
        for (var i = 0; i < commands.Count; i++)
        {
            var arguments = commands.Get(i, octets);
            var words = new string[arguments.Count];
            for (var word = 0; word < words.Length; word++)
            {
                words[word] = Encoding.ASCII.GetString(arguments[word]);
            }

            texts.Add(string.Join('|', words));
        }

        return texts;
    }
}
