using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Simulation.World;

namespace Metering.Simulation.Leases;

/// <summary>What upstreams have served or may still serve, per account and window: a request's worst case from its admission, what it
/// truly used from its end. The sum must never exceed the limit, whatever became of those who reserved it.</summary>
internal sealed class SimUpstreams
{
    private readonly Dictionary<(AccountKey, long), long> _charged = [];
    private readonly Dictionary<(AccountKey, long), long> _limits = [];

    public long Charged(AccountKey account, long windowId) => _charged.GetValueOrDefault((account, windowId));

    /// <summary>A limit was in force in a window: of several, the greatest is the bound.</summary>
    public void Limit(AccountKey account, long windowId, long amount) =>
        _limits[(account, windowId)] = Math.Max(amount, _limits.GetValueOrDefault((account, windowId)));

    public void Admit(LeaseReservation reservation, ReadOnlySpan<LeaseNeed> needs)
    {
        for (var i = 0; i < needs.Length; i++)
        {
            if (reservation.WindowOn(i) is { } window)
                Add(needs[i].Account.Key, window, needs[i].Amount);
        }
    }

    public void End(LeaseReservation reservation, ReadOnlySpan<LeaseNeed> needs, ReadOnlySpan<long> used)
    {
        for (var i = 0; i < needs.Length; i++)
        {
            if (reservation.WindowOn(i) is { } window)
                Add(needs[i].Account.Key, window, used[i] - needs[i].Amount);
        }
    }

    private void Add(AccountKey account, long window, long amount)
    {
        var sum = _charged[(account, window)] = Charged(account, window) + amount;
        if (sum < 0 || sum > _limits.GetValueOrDefault((account, window)))
            throw new Violation($"R23 {account} served {sum} in {window} of {_limits.GetValueOrDefault((account, window))}");
    }
}
