using System.Globalization;
using System.Text.Json.Serialization;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>
/// What a template works on: plain data out of JSON. There is no object of ours behind it, so there is nothing that a name could
/// reach but what the client sent.
/// </summary>
internal abstract record Value
{
    private Value()
    {
    }

    /// <summary>Nobody gave it; null is what somebody gave.</summary>
    public sealed record Missing : Value
    {
        public static readonly Missing Instance = new();
    }

    public sealed record Null : Value
    {
        public static readonly Null Instance = new();
    }

    public sealed record Truth(bool Is) : Value;

    /// <param name="Digits">As they were given: an order's number of twenty digits, and 12.50, stay what they are.</param>
    public sealed record Number(double Amount, string Digits) : Value
    {
        public static Number Of(int number) => new(number, number.ToString(CultureInfo.InvariantCulture));
    }

    public sealed record Text(string Words) : Value;

    public sealed record Sequence(IReadOnlyList<Value> Items) : Value;

    /// <param name="Members">In the order in which they were given.</param>
    [JsonConverter(typeof(ValueConverter))]
    public sealed record Map(OrderedDictionary<string, Value> Members) : Value
    {
        public static readonly Map Empty = new([]);
    }

    /// <summary>What <c>with</c> and <c>each</c> pass over: nothing, no, an empty text, an empty list. Zero is something.</summary>
    public bool IsEmpty => this is Missing or Null or Truth { Is: false } or Text { Words.Length: 0 } or Sequence { Items.Count: 0 };

    /// <summary>Whether it counts as yes.</summary>
    public bool IsYes => !IsEmpty && this is not Number { Amount: 0 };

    /// <summary>As it is printed.</summary>
    public string Print() => this switch
    {
        Truth truth => truth.Is ? "true" : "false",
        Number number => number.Digits,
        Text text => text.Words,
        Sequence list => string.Join(',', list.Items.Select(item => item.Print())),
        Map => "[object Object]",
        _ => "",
    };

    /// <summary>A member of an object, or an item of a list by its number. Nothing else has any, but for the length of texts and lists.</summary>
    public Value Member(string name) => this switch
    {
        Map map => map.Members.GetValueOrDefault(name, Missing.Instance),
        Sequence list when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var place) && place < list.Items.Count => list.Items[place],
        Sequence list when name == "length" => Number.Of(list.Items.Count),
        Text text when name == "length" => Number.Of(text.Words.Length),
        _ => Missing.Instance,
    };
}
