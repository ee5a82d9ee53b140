namespace Metering.Core.Leases;

/// <summary>What one gateway instance may spend of an account: the Decision <c>grant</c> with a lease. A newer version of a lease
/// never raises its amount; it recalls it, or, of a safe share, moves its end.</summary>
/// <param name="Policy">Whose limit it was when it was granted: part of the key in <c>control</c>, for all the lease's versions.</param>
/// <param name="Gateway">The instance that may spend it, random per process start.</param>
/// <param name="Version">Grows with whatever this governor and its successors decide (R24).</param>
/// <param name="Amount">In all, in the account's unit.</param>
/// <param name="WindowId">Begin of the window in which it admits; of a safe share, of the first.</param>
/// <param name="OpensInMs">It opens that long after its arrival; 0 = it is open.</param>
/// <param name="TtlMs">It admits for that long, from when the request that it answers was sent; of a safe share, 0.</param>
/// <param name="IsRecalled">All that no request holds is to be given back at once.</param>
/// <param name="Answers">The number of the request that it answers.</param>
public sealed record LeaseGrant(
    AccountKey Account, string Policy, string Gateway, string LeaseId, long Version, long Amount, long WindowId, long OpensInMs, long TtlMs,
    bool IsRecalled, long Answers)
{
    /// <summary>Of a safe share: it may be spent in each window that begins from <see cref="WindowId"/> until here, but only while
    /// control is lost. The governor's time, Unix µs; null = a lease of one window.</summary>
    public long? SafeShareUntilMicros { get; init; }

    /// <summary>The account's figures when it was decided.</summary>
    public required AccountFigures Figures { get; init; }
}

/// <summary>A lease is settled, and forgotten by both sides: the tombstone of its grant.</summary>
public sealed record LeaseTombstone(AccountKey Account, string Policy, string Gateway, string LeaseId);

/// <summary>The answer to a request whose <c>must</c> nothing can meet any more within this window: the Decision <c>grant</c> with
/// no lease and the amount 0. It says nothing of what the gateway has in hand.</summary>
/// <param name="RetryAfterMs">Until the window ends, from its arrival.</param>
public sealed record LeaseRefusal(AccountKey Account, string Policy, string Gateway, long Version, long WindowId, long Answers, long RetryAfterMs)
{
    public required AccountFigures Figures { get; init; }
}

/// <summary>How an account stands in its current window. Amounts are in its unit.</summary>
/// <param name="Policy">Whose limit is the smallest, so that it counts.</param>
/// <param name="Charged">What is spent, on loan, un-leased and set aside.</param>
/// <param name="OnLoan">Of it, in leases that are not settled: granted − returned + debt.</param>
/// <param name="Unleased">Of it, metered usage that no lease paid for.</param>
/// <param name="SetAside">Of it, safe shares.</param>
/// <param name="WrittenOff">Of it, leases that nobody reported in time: charged as spent for good.</param>
/// <param name="Left">What can still be granted; 0 if the account is overdrawn.</param>
/// <param name="ResetsAtMicros">The window's end, Unix µs by the governor's time.</param>
/// <param name="ResetsInMs">The same, from the governor's now.</param>
public readonly record struct AccountFigures(
    string Policy, long Limit, long Charged, long OnLoan, long Unleased, long SetAside, long WrittenOff, long Left, long ResetsAtMicros, long ResetsInMs);
