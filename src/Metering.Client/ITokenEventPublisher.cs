using Metering.Events;

namespace Metering.Client;

/// <summary>Publishes token events of one source: numbered, spooled on disk, never dropped in silence. Safe for all threads.</summary>
public interface ITokenEventPublisher
{
    /// <summary>
    /// Takes an event: fills in its Source, Epoch and Sequence, publishes it with the present time if its EventTimeMicros
    /// is 0, and returns once it is in the spool. Waits for no broker.
    /// </summary>
    PublishResult Publish(TokenEvent tokenEvent);

    /// <summary>The same, but waits for room when the spool is full.</summary>
    ValueTask<PublishResult> PublishAsync(TokenEvent tokenEvent, CancellationToken cancellation = default);

    /// <summary>Waits until the broker has acknowledged everything accepted so far.</summary>
    /// <returns>False when the time-out came first.</returns>
    Task<bool> FlushAsync(TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>The figures of this moment.</summary>
    PublisherStats Stats { get; }
}
