using System.Runtime.CompilerServices;

namespace Metering.Core.Leases.Gateway;

/// <summary>What one request holds, on all its accounts. It is settled once, with what was truly used.</summary>
public sealed class LeaseReservation
{
    private Parts _parts;
    private Part[]? _more;

    internal LeaseReservation(int accounts) => Accounts = accounts;

    /// <summary>How many accounts it was made on: settling takes that many figures, in the same order.</summary>
    public int Accounts { get; }

    /// <summary>The lease that paid for it, for the event. Null = a limit was waived, because control was lost and its policy says
    /// <c>open</c>, or there was none: METER then charges the event.</summary>
    public string? LeaseId => IsWaived || Count == 0 ? null : this[0].Lease.Id;

    /// <summary>A limit was waived (R30): to be logged and counted.</summary>
    public bool IsWaived { get; internal set; }

    internal bool IsSettled { get; set; }

    internal int Count { get; private set; }

    internal ref Part this[int index] => ref index < Parts.Length ? ref _parts[index] : ref _more![index - Parts.Length];

    /// <summary>What it holds on one of its accounts; 0 = nothing was needed, or the limit was waived.</summary>
    public long AmountOn(int account)
    {
        var sum = 0L;
        for (var i = 0; i < Count; i++)
            sum += this[i].Account == account ? this[i].Amount : 0;
        return sum;
    }

    /// <summary>The window of that account in which it counts, Unix µs; null = it holds nothing there.</summary>
    public long? WindowOn(int account)
    {
        for (var i = 0; i < Count; i++)
        {
            if (this[i].Account == account)
                return this[i].Lease.WindowId;
        }
        return null;
    }

    /// <summary>What each lease pays of what was used on one of the accounts: what <see cref="LeaseBook.Settle"/> charges it with, what is above
    /// the reservation included. For the event (R29); a safe share, which is charged whole, is not named.</summary>
    public void AddPaid(int account, long used, IDictionary<string, long> paidBy)
    {
        var (rest, last) = (used, -1);
        for (var i = 0; i < Count; i++)
        {
            if (this[i].Account != account)
                continue;
            last = i;
            Pay(i, Math.Min(rest, this[i].Amount), paidBy);
            rest -= Math.Min(rest, this[i].Amount);
        }
        if (last >= 0 && rest > 0)
            Pay(last, rest, paidBy);
    }

    private void Pay(int part, long amount, IDictionary<string, long> paidBy)
    {
        var lease = this[part].Lease;
        if (amount > 0 && !lease.IsShare)
            paidBy[lease.Id] = paidBy.TryGetValue(lease.Id, out var paid) ? Saturating.Add(paid, amount) : amount;
    }

    internal void Add(int account, BookLease lease, long amount)
    {
        if (Count >= Parts.Length && (_more is null || Count - Parts.Length == _more.Length))
            Array.Resize(ref _more, Math.Max(8, 2 * (_more?.Length ?? 0)));
        Count++;
        this[Count - 1] = new Part(account, lease, amount);
    }

    internal readonly record struct Part(int Account, BookLease Lease, long Amount);

    /// <summary>As many as nearly all requests have, in the reservation itself: no other object is made for them.</summary>
    [InlineArray(Length)]
    private struct Parts
    {
        public const int Length = 6;
        private Part _first;
    }
}
