namespace Metering.Registry.Compatibility;

/// <summary>The verdict, and for each reason against: the path in the schema, what changed, and what to do about it.</summary>
/// <param name="IsCompatible">Whether the candidate may become the next version.</param>
/// <param name="Messages">Empty when it may.</param>
public sealed record CompatibilityResult(bool IsCompatible, IReadOnlyList<string> Messages);
