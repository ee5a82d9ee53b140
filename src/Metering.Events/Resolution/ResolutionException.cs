namespace Metering.Events;

/// <summary>Two schemas do not resolve; never leaves <see cref="ResolutionPlan.TryCompile"/>.</summary>
internal sealed class ResolutionException(string message) : Exception(message);
