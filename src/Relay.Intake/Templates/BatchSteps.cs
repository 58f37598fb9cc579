using Relay.Intake.Http.Json;
using Relay.Intake.Templates.Handlebars;

namespace Relay.Intake.Templates;

/// <summary>What all mails of a batch may take to be rendered: one alone takes little, and five hundred of them would keep a core busy.</summary>
internal sealed class BatchSteps
{
    private int _left = TemplateLimits.MaxStepsOfABatch;

    /// <exception cref="ProblemException">There are none left.</exception>
    public void RequireSome()
    {
        if (Volatile.Read(ref _left) <= 0)
        {
            throw new ProblemException(Problem.Unprocessable(
                "template", $"takes, with the mails before it, more than {TemplateLimits.MaxStepsOfABatch} steps to render; send it in another batch"));
        }
    }

    public void Take(int steps) => Interlocked.Add(ref _left, -steps);
}
