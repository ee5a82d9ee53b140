namespace Metering.Simulation.World;

/// <summary>An invariant does not hold.</summary>
internal sealed class Violation(string message) : Exception(message)
{
    public static void Unless(bool holds, string message)
    {
        if (!holds)
            throw new Violation(message);
    }
}
