using System.Runtime.InteropServices;

namespace Metering.Cli.Replay;

/// <summary>Exact sums over the events that were read so far.</summary>
/// <param name="Events">How many.</param>
/// <param name="InputTokens">All input, cached included. A sum beyond 63 bits stops the replay.</param>
/// <param name="CachedInputTokens">Of it, cached.</param>
/// <param name="OutputTokens">All output.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TraceTotals(long Events, long InputTokens, long CachedInputTokens, long OutputTokens);
