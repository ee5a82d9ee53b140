namespace Metering.Gateway.Admission;

/// <summary>
/// Decides whether a request may go on, and on whose account. Thread-safe. It is called on the thread that read the socket: it
/// may wait (for a grant), but must not block.
/// </summary>
public interface IAdmission
{
    /// <summary>Reserves the request's worst case on all its limits at once, or refuses it (R28, R29). Who is admitted has a permit,
    /// which the gateway settles exactly once.</summary>
    /// <param name="request">Copy what you need before you wait: it is valid until the call returns.</param>
    /// <param name="cancellationToken">The client has gone, or the gateway stops: nothing stays reserved.</param>
    ValueTask<AdmissionResult> AdmitAsync(in AdmissionRequest request, CancellationToken cancellationToken);

    /// <summary>Why nothing can be decided yet (control has not been read to its end), or null. The gateway is ready once it is null.</summary>
    string? NotReady { get; }
}
