namespace Metering.Core.Sources;

/// <summary>Sequences that have not come, from First to Last, both included.</summary>
public readonly record struct SequenceGap(long First, long Last)
{
    public long Count => Last - First + 1;
}
