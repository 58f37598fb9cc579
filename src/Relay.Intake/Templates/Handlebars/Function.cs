using System.Collections.Frozen;
using System.Globalization;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>
/// What may be called: these and no others. Each is a pure function of plain data, done after a look at each of its arguments,
/// whose lengths are paid for before.
/// </summary>
internal sealed record Function(string Name, int Least, int Most, Func<Value[], Value> Run)
{
    private const int Many = 10;

    public static FrozenDictionary<string, Function> All { get; } = new Function[]
    {
        new("lookup", 2, 2, of => of[0].Member(of[1].Print())),
        Judges("equals", 2, 2, of => AreSame(of[0], of[1])),
        Judges("notEquals", 2, 2, of => !AreSame(of[0], of[1])),
        Judges("greaterThan", 2, 2, of => Compare(of[0], of[1]) > 0),
        Judges("lessThan", 2, 2, of => Compare(of[0], of[1]) < 0),
        Judges("and", 2, Many, of => of.All(value => value.IsYes)),
        Judges("or", 2, Many, of => of.Any(value => value.IsYes)),
        Judges("not", 1, 1, of => !of[0].IsYes),
        new("length", 1, 1, of => LengthOf(of[0])),
        new("default", 2, 2, of => of[0].IsEmpty ? of[1] : of[0]),
        new("insert", 1, 2, of => of[0].IsEmpty && of.Length > 1 ? InsteadOf(of[1]) : of[0]),
    }.ToFrozenDictionary(function => function.Name, StringComparer.Ordinal);

    private static Function Judges(string name, int least, int most, Func<Value[], bool> judge) => new(name, least, most, of => new Value.Truth(judge(of)));

    // A number in a text is that number: not every program that sends variables tells them apart.
    private static bool AreSame(Value one, Value other) => (one, other) switch
    {
        (Value.Missing or Value.Null, Value.Missing or Value.Null) => true,
        (Value.Missing or Value.Null, _) or (_, Value.Missing or Value.Null) => false,
        (Value.Number a, Value.Number b) => a.Amount.Equals(b.Amount),
        (Value.Sequence or Value.Map, _) or (_, Value.Sequence or Value.Map) => ReferenceEquals(one, other),
        _ => one.Print() == other.Print(),
    };

    private static int Compare(Value one, Value other) =>
        TryMeasure(one, out var a) && TryMeasure(other, out var b) ? a.CompareTo(b)
        : one is Value.Text first && other is Value.Text second ? string.CompareOrdinal(first.Words, second.Words)
        : 0;

    private static bool TryMeasure(Value value, out double amount)
    {
        amount = (value as Value.Number)?.Amount ?? 0;
        return value is Value.Number
            || (value is Value.Text { Words.Length: < 64 } text && double.TryParse(text.Words, NumberStyles.Float, CultureInfo.InvariantCulture, out amount));
    }

    private static Value.Number LengthOf(Value value) => Value.Number.Of(value switch
    {
        Value.Text text => text.Words.Length,
        Value.Sequence list => list.Items.Count,
        Value.Map map => map.Members.Count,
        _ => 0,
    });

    // {{insert name "default=you"}}, as SendGrid has it.
    private static Value InsteadOf(Value given) =>
        given is Value.Text { Words: var words } && words.StartsWith("default=", StringComparison.Ordinal) ? new Value.Text(words["default=".Length..]) : given;
}
