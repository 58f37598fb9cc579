using System.Buffers.Text;
using System.Text;

namespace Relay.Load.Traffic;

/// <summary>
/// Octets built once, with places of a fixed width that are filled in for each message.
/// The generator shares its cores with what it measures, so it composes nothing while it sends.
/// </summary>
internal sealed class Form
{
    /// <summary>Stands in a text where the token goes, and is as long.</summary>
    public const string TokenPlace = "{{the---token--}}";

    /// <summary>Stands in a text where the number of the destination domain goes, and is as long.</summary>
    public const string DomainPlace = "{{dm}}";

    private readonly byte[] _octets;
    private readonly int[] _tokens;
    private readonly int[] _domains;

    public Form(string text)
    {
        _octets = Encoding.ASCII.GetBytes(text);
        _tokens = Places(text, TokenPlace);
        _domains = Places(text, DomainPlace);
    }

    public byte[] Octets => _octets;

    public void Fill(LoadToken token, int domain)
    {
        foreach (var at in _tokens)
        {
            token.WriteTo(_octets.AsSpan(at));
        }

        foreach (var at in _domains)
        {
            Utf8Formatter.TryFormat(domain, _octets.AsSpan(at), out _, new('D', (byte)DomainPlace.Length));
        }
    }

    private static int[] Places(string text, string place)
    {
        List<int> found = [];
        for (var at = text.IndexOf(place, StringComparison.Ordinal); at >= 0;
             at = text.IndexOf(place, at + place.Length, StringComparison.Ordinal))
        {
            found.Add(at);
        }

        return [.. found];
    }
}
