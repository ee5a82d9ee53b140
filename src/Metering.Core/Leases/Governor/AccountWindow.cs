using Metering.Core.Windows;

namespace Metering.Core.Leases.Governor;

/// <summary>One window of an account: what it is charged (R23), kept as sums and the leases that are not settled.</summary>
internal sealed class AccountWindow(AccountKey account, LimitWindow window)
{
    public AccountKey Account { get; } = account;

    public LimitWindow Window { get; } = window;

    public Dictionary<string, GovernedLease> Leases { get; } = new(StringComparer.Ordinal);

    /// <summary>What was used of leases that are settled, written off included, and debts of safe shares.</summary>
    public long Settled { get; set; }

    public long Unleased { get; set; }

    public long WrittenOff { get; set; }

    /// <summary>The sum of the charges of <see cref="Leases"/>. Added up anew, so that a saturated sum does not stay.</summary>
    public long OnLoan
    {
        get
        {
            var sum = 0L;
            foreach (var lease in Leases.Values)
                sum = Saturating.Add(sum, lease.Charge);
            return sum;
        }
    }

    public long Charged => Saturating.Add(Saturating.Add(Settled, Unleased), OnLoan);

    /// <summary>The lease's charge becomes final.</summary>
    public void Settle(GovernedLease lease)
    {
        Leases.Remove(lease.Id);
        Settled = Saturating.Add(Settled, lease.Charge);
        if (!lease.IsClosed)
            WrittenOff = Saturating.Add(WrittenOff, lease.Held);
    }
}
