using Relay.Intake.Composition;
using Relay.Mail.Messages;

namespace Relay.Intake.Admission;

/// <summary>What kind of mail a submission is. The HTTP door has read it from the request; SMTP mail says it in its header.</summary>
/// <param name="Stream">As <see cref="StreamName.Of"/> has it.</param>
internal readonly record struct Kind(MessageClass Class, string? Stream)
{
    public static bool TryRead(Submission submission, HeaderBlock header, out Kind kind, out string problem)
    {
        var (@class, stream) = (submission.Class, submission.Stream);
        problem = "";
        if (submission.Source == MessageSource.Smtp)
        {
            problem =
                !TryReadWord(header, HeaderField.RelayClass, out var word) || !TryReadClass(word, out @class)
                    ? "the Relay-Class field must stand there once, and be transactional or bulk"
                : !TryReadWord(header, HeaderField.RelayStream, out stream) || (stream is not null && !StreamName.IsValid(stream))
                    ? $"the Relay-Stream field must stand there once, and {StreamName.Rule}"
                : "";
        }

        kind = new Kind(@class, StreamName.Of(@class, stream));
        return problem.Length == 0;
    }

    // Null where the field is not there.
    private static bool TryReadWord(HeaderBlock header, HeaderField field, out string? word)
    {
        word = header.Count(field) == 0 ? null : HeaderText.Unfold(header.Value(field)).Trim();
        return header.Count(field) <= 1;
    }

    private static bool TryReadClass(string? word, out MessageClass @class)
    {
        @class = word == "bulk" ? MessageClass.Bulk : MessageClass.Transactional;
        return word is null or "transactional" or "bulk";
    }
}
