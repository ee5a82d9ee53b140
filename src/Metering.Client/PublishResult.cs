namespace Metering.Client;

/// <summary>What became of an event given to the publisher.</summary>
public enum PublishStatus
{
    /// <summary>Numbered and in the spool: it will reach the broker, also after kill -9.</summary>
    Accepted,

    /// <summary>The spool is at <see cref="PublisherOptions.MaxSpoolBytes"/>: nothing was taken, the caller decides.</summary>
    SpoolFull,

    /// <summary>The disk refused (full, read-only, broken); the reason says how. Later calls try again.</summary>
    SpoolFailed,

    /// <summary>The pipeline would reject this event; the reason names the field. Nothing was taken.</summary>
    Invalid,
}

/// <summary>The answer to one call of Publish: never ignore one that is not <see cref="Accepted"/>.</summary>
/// <param name="Status">What became of the event.</param>
/// <param name="Sequence">Its number in the epoch, from 1; 0 when nothing was taken.</param>
/// <param name="Reason">Null when accepted.</param>
public readonly record struct PublishResult(PublishStatus Status, long Sequence, string? Reason)
{
    public bool Accepted => Status == PublishStatus.Accepted;

    /// <summary>Nothing was taken: the spool is at its bound.</summary>
    public static PublishResult SpoolFull { get; } = new(PublishStatus.SpoolFull, 0,
        "the spool is full (MaxSpoolBytes): the broker has not acknowledged enough; publish again later, or use PublishAsync");

    internal static PublishResult AcceptedAs(long sequence) => new(PublishStatus.Accepted, sequence, null);

    internal static PublishResult Invalid(string reason) => new(PublishStatus.Invalid, 0, reason);

    /// <param name="sequence">Not 0 when the event is in the spool and will be sent, but could not be forced to the disk.</param>
    internal static PublishResult SpoolFailed(long sequence, Exception error) => new(PublishStatus.SpoolFailed, sequence, error.Message);
}
