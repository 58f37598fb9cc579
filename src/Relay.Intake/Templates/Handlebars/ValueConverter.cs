using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Intake.Http.Json;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>Reads the variables of a mail. How deep they may be the reader's own limit says.</summary>
internal sealed class ValueConverter : JsonConverter<Value.Map>
{
    public override Value.Map Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.StartObject ? new Run().ReadMap(ref reader) : throw new FieldException("must be an object");

    public override void Write(Utf8JsonWriter writer, Value.Map value, JsonSerializerOptions options) => throw new NotSupportedException();

    private sealed class Run
    {
        private int _values;
        private int _characters;

        public Value.Map ReadMap(ref Utf8JsonReader reader)
        {
            var members = new OrderedDictionary<string, Value>();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = Count(reader.GetString()!);
                reader.Read();
                if (!members.TryAdd(name, Read(ref reader)))
                {
                    throw new FieldException($"holds '{name}' twice");
                }
            }

            return new Value.Map(members);
        }

        private Value Read(ref Utf8JsonReader reader)
        {
            if (++_values > TemplateLimits.MaxValues)
            {
                throw new FieldException($"holds more than {TemplateLimits.MaxValues} values");
            }

            return reader.TokenType switch
            {
                JsonTokenType.StartObject => ReadMap(ref reader),
                JsonTokenType.StartArray => ReadSequence(ref reader),
                JsonTokenType.String => new Value.Text(Count(reader.GetString()!)),
                JsonTokenType.Number => ReadNumber(ref reader),
                JsonTokenType.True => new Value.Truth(true),
                JsonTokenType.False => new Value.Truth(false),
                _ => Value.Null.Instance,
            };
        }

        private Value.Sequence ReadSequence(ref Utf8JsonReader reader)
        {
            var items = new List<Value>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                items.Add(Read(ref reader));
            }

            return new Value.Sequence(items);
        }

        private Value.Number ReadNumber(ref Utf8JsonReader reader)
        {
            var digits = Encoding.ASCII.GetString(reader.HasValueSequence ? System.Buffers.BuffersExtensions.ToArray(reader.ValueSequence) : reader.ValueSpan);
            return new Value.Number(double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture), Count(digits));
        }

        private string Count(string text)
        {
            _characters += text.Length;
            return _characters <= TemplateLimits.MaxVariableText
                ? text
                : throw new FieldException($"holds more than {TemplateLimits.MaxVariableText} characters");
        }
    }
}
