using System.Buffers;
using System.Text;

namespace Relay.Intake.Templates.Handlebars;

/// <summary>Goes over the pieces of a template and writes. Blocks are no deeper than the parser lets them be, and all that it does is paid for from the budget.</summary>
internal sealed class Renderer(Value.Map variables, RenderBudget budget, bool escapes)
{
    // What Handlebars escapes: enough within elements and within quoted attributes.
    private static readonly SearchValues<char> Escaped = SearchValues.Create("&<>\"'`=");

    // Enough to see what was forgotten.
    private const int MostMissing = 20;

    private readonly StringBuilder _output = new();
    private readonly List<Value> _surroundings = [variables];
    private readonly List<Value> _named = [];
    private readonly List<Turn> _turns = [];
    private readonly List<string> _missing = [];

    /// <summary>Variables that were to be printed and that nobody gave.</summary>
    public IReadOnlyList<string> Missing => _missing;

    /// <exception cref="RenderFault">It takes or writes too much.</exception>
    public string Render(IReadOnlyList<Node> template)
    {
        RenderAll(template);
        return _output.ToString();
    }

    private void RenderAll(IReadOnlyList<Node> nodes)
    {
        foreach (var node in nodes)
        {
            budget.Step();
            switch (node)
            {
                case Node.Words words:
                    Write(words.Text);
                    break;
                case Node.Print print:
                    Print(print);
                    break;
                case Node.Block block:
                    RenderBlock(block);
                    break;
            }
        }
    }

    private void Print(Node.Print print)
    {
        var value = ValueOf(print.Expression);
        if (value is Value.Missing && print.Expression is Expression.Path { Source: var source } && _missing.Count < MostMissing && !_missing.Contains(source))
        {
            _missing.Add(source);
        }

        if (value is Value.Sequence list)
        {
            Pay(list);
        }

        var words = value.Print();
        if (escapes && print.IsEscaped)
        {
            WriteEscaped(words);
        }
        else
        {
            Write(words);
        }
    }

    private void RenderBlock(Node.Block block)
    {
        foreach (var branch in block.Branches)
        {
            budget.Step();
            if (TryRender(branch, ValueOf(branch.Subject)))
            {
                return;
            }
        }

        RenderAll(block.Otherwise);
    }

    private bool TryRender(Branch branch, Value value)
    {
        switch (branch.Kind)
        {
            case BranchKind.If:
                return RenderIf(IsYes(branch, value), branch);
            case BranchKind.Unless:
                return RenderIf(!IsYes(branch, value), branch);
            case BranchKind.With:
                return !value.IsEmpty && RenderWith(branch, value);
            case BranchKind.Each:
                return RenderEach(branch, value);
            default:
                return value switch
                {
                    Value.Missing or Value.Null => false,
                    Value.Truth truth => RenderIf(truth.Is, branch),
                    Value.Sequence => RenderEach(branch, value),
                    _ => RenderWith(branch, value),
                };
        }
    }

    private static bool IsYes(Branch branch, Value value) => value.IsYes || (branch.CountsZero && value is Value.Number);

    private bool RenderIf(bool holds, Branch branch)
    {
        if (holds)
        {
            RenderAll(branch.Body);
        }

        return holds;
    }

    private bool RenderWith(Branch branch, Value value)
    {
        RenderAbout(branch, value, Value.Missing.Instance);
        return true;
    }

    private bool RenderEach(Branch branch, Value value)
    {
        var (count, members) = value switch
        {
            Value.Sequence list => (list.Items.Count, null),
            Value.Map map => (map.Members.Count, map.Members),
            _ => (0, null),
        };
        for (var i = 0; i < count; i++)
        {
            budget.Step();
            var (key, item) = members is null
                ? (Value.Number.Of(i), ((Value.Sequence)value).Items[i])
                : ((Value)new Value.Text(members.GetAt(i).Key), members.GetAt(i).Value);
            _turns.Add(new Turn(i, key, IsLast: i == count - 1));
            RenderAbout(branch, item, key);
            _turns.RemoveAt(_turns.Count - 1);
        }

        return count > 0;
    }

    // What is the same as what surrounds it is no surrounding of its own: ../ leads past it.
    private void RenderAbout(Branch branch, Value value, Value key)
    {
        var isInner = !ReferenceEquals(value, _surroundings[^1]);
        if (isInner)
        {
            _surroundings.Add(value);
        }

        if (branch.Names > 0)
        {
            _named.Add(value);
        }

        if (branch.Names > 1)
        {
            _named.Add(key);
        }

        RenderAll(branch.Body);
        _named.RemoveRange(_named.Count - branch.Names, branch.Names);
        if (isInner)
        {
            _surroundings.RemoveAt(_surroundings.Count - 1);
        }
    }

    private Value ValueOf(Expression expression)
    {
        budget.Step();
        switch (expression)
        {
            case Expression.Constant constant:
                return constant.Value;
            case Expression.Path path:
                return Follow(path);
            case Expression.Call call:
                var arguments = new Value[call.Arguments.Count];
                for (var i = 0; i < arguments.Length; i++)
                {
                    arguments[i] = ValueOf(call.Arguments[i]);
                    Pay(arguments[i]);
                }

                return call.Function.Run(arguments);
            default:
                throw new InvalidOperationException($"unknown expression {expression}");
        }
    }

    private Value Follow(Expression.Path path)
    {
        var value = RootOf(path);
        foreach (var member in path.Members)
        {
            budget.Step(member.Length);
            value = value.Member(member);
        }

        return value;
    }

    private Value RootOf(Expression.Path path) => path.Root switch
    {
        PathRoot.Here => path.Ups < _surroundings.Count ? _surroundings[^(path.Ups + 1)] : Value.Missing.Instance,
        PathRoot.Variables => variables,
        PathRoot.Named => _named[path.Start],
        _ when path.Ups >= _turns.Count => Value.Missing.Instance,
        PathRoot.Index => Value.Number.Of(_turns[^(path.Ups + 1)].Index),
        PathRoot.Key => _turns[^(path.Ups + 1)].Key,
        PathRoot.First => new Value.Truth(_turns[^(path.Ups + 1)].Index == 0),
        PathRoot.Last => new Value.Truth(_turns[^(path.Ups + 1)].IsLast),
        _ => Value.Missing.Instance,
    };

    // Before it is compared, hashed or put together.
    private void Pay(Value value)
    {
        budget.Step(value switch
        {
            Value.Text text => text.Words.Length,
            // As many as somebody cared to send.
            Value.Number number => number.Digits.Length,
            _ => 0,
        });
        if (value is Value.Sequence list)
        {
            foreach (var item in list.Items)
            {
                Pay(item);
            }
        }
    }

    private void Write(ReadOnlySpan<char> words)
    {
        budget.Write(words.Length);
        _output.Append(words);
    }

    private void WriteEscaped(ReadOnlySpan<char> words)
    {
        for (var at = words.IndexOfAny(Escaped); at >= 0; at = words.IndexOfAny(Escaped))
        {
            Write(words[..at]);
            Write(words[at] switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#x27;",
                '`' => "&#x60;",
                _ => "&#x3D;",
            });
            words = words[(at + 1)..];
        }

        Write(words);
    }

    /// <summary>Where a loop stands.</summary>
    private readonly record struct Turn(int Index, Value Key, bool IsLast);
}
