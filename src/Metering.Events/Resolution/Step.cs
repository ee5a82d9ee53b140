namespace Metering.Events;

/// <summary>One node of a plan: reads a value of the writer's type and writes it as the reader's.</summary>
internal abstract class Step
{
    /// <summary>True if it leaves the bytes as they are.</summary>
    public abstract bool IsIdentity { get; }

    /// <summary>Transcodes the value at a position; the next position, or minus the error.</summary>
    public abstract int Run(ref Transcoder transcoder, int position);
}
