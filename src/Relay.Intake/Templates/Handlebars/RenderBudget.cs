namespace Relay.Intake.Templates.Handlebars;

/// <summary>What the rendering of one mail may still do and write. It is counted and not timed, so that the same mail has the same end on every machine.</summary>
internal sealed class RenderBudget
{
    private const int CharactersOfAStep = 64;

    private int _steps = TemplateLimits.MaxSteps;
    private int _output = TemplateLimits.MaxOutput;

    public int StepsTaken => TemplateLimits.MaxSteps - _steps;

    /// <param name="characters">That are compared, hashed or copied with it.</param>
    /// <exception cref="RenderFault">There are none left.</exception>
    public void Step(int characters = 0)
    {
        _steps -= 1 + (characters / CharactersOfAStep);
        if (_steps < 0)
        {
            throw new RenderFault($"takes more than {TemplateLimits.MaxSteps} steps to render with these variables; are there loops within loops?");
        }
    }

    /// <exception cref="RenderFault">It is more than is left.</exception>
    public void Write(int characters)
    {
        _output -= characters;
        if (_output < 0)
        {
            throw new RenderFault($"becomes longer than {TemplateLimits.MaxOutput} characters with these variables");
        }
    }
}

/// <summary>A template cannot be rendered with what it was given.</summary>
internal sealed class RenderFault(string words) : Exception(words);
