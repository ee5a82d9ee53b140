namespace Metering.Core.Policies;

/// <summary>Which of a policy's steps are reached.</summary>
public static class PolicySteps
{
    /// <summary>A rolling limit's step ends once usage is this far below it, in a million of its threshold: it would switch on
    /// and off at every token else.</summary>
    private const int ReleasePpm = 950_000;

    private const int Million = 1_000_000;

    /// <summary>How many steps, from the lowest, are reached.</summary>
    /// <param name="used">Of the limit, in its unit.</param>
    /// <param name="before">How many were reached at the last look.</param>
    /// <param name="isRolling">Usage can go down within a window.</param>
    public static int Reached(Policy policy, Int128 used, int before, bool isRolling)
    {
        var reached = 0;
        while (reached < policy.Steps.Count && used * Million >= Threshold(policy, reached, holds: isRolling && reached < before))
            reached++;
        return reached;
    }

    // In millionths of the unit.
    private static Int128 Threshold(Policy policy, int step, bool holds)
    {
        var threshold = (Int128)policy.Amount * policy.Steps[step].AtPpm;
        return holds ? threshold * ReleasePpm / Million : threshold;
    }
}
