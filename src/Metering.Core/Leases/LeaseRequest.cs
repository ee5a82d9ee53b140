namespace Metering.Core.Leases;

/// <summary>What one gateway instance holds and wants of one account, and what became of its leases. It states levels, never changes,
/// and is repeated until it is answered: losing, doubling or reordering it does no harm (R25). Amounts are in the account's unit.</summary>
/// <param name="Number">Grows with each that this instance sends.</param>
/// <param name="Want">What it would like to hold for the current window, what it holds included, reserved or not.</param>
/// <param name="Must">What requests that wait now need, of what is not reserved.</param>
/// <param name="MustFirst">Of <paramref name="Must"/>, the need of the one that has waited longest.</param>
/// <param name="MustSinceMicros">When that one began to wait, by the governors' time as this instance knows it: the older goes
/// first. It decides turns, never amounts, so a wrong one only changes who waits.</param>
/// <param name="WantNext">As <paramref name="Want"/>, for the next window.</param>
/// <param name="Leases">All that it holds or has not been told to be settled.</param>
public sealed record LeaseRequest(
    AccountKey Account, string Gateway, long Number, long Want, long Must, long MustFirst, long MustSinceMicros, long WantNext,
    IReadOnlyList<LeaseReport> Leases);

/// <summary>What became of a lease so far. All of it but <paramref name="Reserved"/> only grows.</summary>
/// <param name="WindowId">Of a safe share, the window that its debt is charged to.</param>
/// <param name="Spent">Used by requests that have ended, up to what they had reserved.</param>
/// <param name="Reserved">Held by requests under way.</param>
/// <param name="Returned">Given back for good: never spent.</param>
/// <param name="Debt">Used above what was reserved.</param>
/// <param name="IsClosed">Nothing is reserved and nothing will be: spent + debt is the whole of its use.</param>
public readonly record struct LeaseReport(string LeaseId, long WindowId, long Spent, long Reserved, long Returned, long Debt, bool IsClosed);
