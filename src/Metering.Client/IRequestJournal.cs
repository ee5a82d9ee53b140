using Metering.Events;

namespace Metering.Client;

/// <summary>
/// A gateway's write-ahead log (R4): a request is written down before it is forwarded, and the event that ends it ends that record
/// in the same append. Whatever kills the process in between, the request becomes one event. Safe for all threads.
/// </summary>
public interface IRequestJournal
{
    /// <summary>Writes a request down, as durably as the spool's <see cref="PublisherOptions.Fsync"/> says; forward it only when it was accepted.</summary>
    /// <param name="draft">The event that it becomes after a crash: what is known now.</param>
    /// <param name="reservation">What was reserved for it; the tokens that the event gets if a lease paid.</param>
    ValueTask<OpenResult> OpenAsync(TokenEvent draft, RequestReservation reservation);

    /// <summary>How far a long stream has come; after a crash it counts as this far. The last call holds.</summary>
    void Progress(long request, long inputTokens, long outputTokens);

    /// <summary>The request has ended: its event is published, and the record of it with it. Takes no notice of the spool's bound:
    /// an event whose request was accepted always has its room. When the disk refuses, the record stays, and the next start
    /// makes an event of it.</summary>
    PublishResult Close(long request, TokenEvent finished);

    /// <summary>Publishes the event of a request that was never forwarded.</summary>
    PublishResult Publish(TokenEvent tokenEvent);

    /// <summary>Requests that former runs left open: <see cref="Close"/> each with the event that it becomes.</summary>
    IReadOnlyList<UnfinishedRequest> Unfinished { get; }
}

/// <summary>What a request may cost at most.</summary>
public readonly record struct RequestReservation(long InputTokens, long OutputTokens);

/// <summary>Whether a request was written down.</summary>
/// <param name="Request">Its number, for <see cref="IRequestJournal.Close"/>; 0 when it was not.</param>
/// <param name="Reason">Null when it was.</param>
public readonly record struct OpenResult(long Request, string? Reason)
{
    public bool Accepted => Reason is null;
}

/// <summary>A request that was under way when its gateway was killed.</summary>
/// <param name="Request">For <see cref="IRequestJournal.Close"/>.</param>
/// <param name="Draft">As it was opened.</param>
/// <param name="Reservation">What was reserved for it.</param>
/// <param name="InputTokens">By its last progress; -1 when it made none.</param>
/// <param name="OutputTokens">By its last progress; -1 when it made none.</param>
/// <param name="LastSeenMicros">When it was opened or last made progress, Unix time in microseconds.</param>
public sealed record UnfinishedRequest(long Request, TokenEvent Draft, RequestReservation Reservation, long InputTokens, long OutputTokens, long LastSeenMicros);
