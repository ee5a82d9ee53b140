namespace Metering.Core.Leases.Governor;

/// <summary>
/// A part of each window that is set aside for one gateway, to be spent while it hears nothing. It charges every window that
/// begins before its end, whole, and the gateway spends in no other; so it needs neither reports nor clocks that agree. It ends
/// when it is not renewed.
/// </summary>
internal sealed class SafeShareSeat(AccountKey account, string id, string gateway, string policy, long amount, long fromWindowId)
{
    public AccountKey Account { get; } = account;

    public string Id { get; } = id;

    public string Gateway { get; } = gateway;

    public string Policy { get; } = policy;

    public long Amount { get; } = amount;

    public long FromWindowId { get; } = fromWindowId;

    /// <summary>The governor's time, Unix µs.</summary>
    public long UntilMicros { get; set; }

    public long Version { get; set; }

    /// <summary>Used above it, so far: cumulative, as reported.</summary>
    public long Debt { get; set; }

    public bool IsSetAsideIn(long windowId) => windowId >= FromWindowId && windowId < UntilMicros;
}
