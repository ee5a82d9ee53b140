namespace Metering.Benchmarks;

/// <summary>One line of a benchmark's result.</summary>
/// <param name="Bench">The benchmark's name on the command line.</param>
/// <param name="Name">What was measured.</param>
/// <param name="Value">Its value.</param>
/// <param name="Unit">Its unit; <c>x</c> for a ratio.</param>
/// <param name="Baseline">What a ratio is taken against, in the same run.</param>
/// <param name="Goal">What it must reach, or stay below where less is better; null if it is only told.</param>
/// <param name="Met">Whether the goal is met; true without a goal.</param>
/// <param name="Reason">Why it could not be measured, else null.</param>
public sealed record Figure(
    string Bench, string Name, double Value, string Unit, string? Baseline, double? Goal, bool Met, string? Reason = null)
{
    /// <summary>A figure without a goal.</summary>
    public static Figure Told(string bench, string name, double value, string unit) => new(bench, name, value, unit, null, null, true);

    /// <summary>A figure that must reach its goal.</summary>
    public static Figure AtLeast(string bench, string name, double value, string unit, double goal, string? baseline = null) =>
        new(bench, name, value, unit, baseline, goal, value >= goal);

    /// <summary>A figure that must not pass its goal.</summary>
    public static Figure AtMost(string bench, string name, double value, string unit, double goal, string? baseline = null) =>
        new(bench, name, value, unit, baseline, goal, value <= goal);
}
