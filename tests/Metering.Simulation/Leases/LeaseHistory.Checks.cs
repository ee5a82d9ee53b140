using System.Globalization;
using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Leases.Governor;
using Metering.Core.Windows;
using Metering.Simulation.World;

namespace Metering.Simulation.Leases;

/// <summary>What must hold at each commit, and once all is healed.</summary>
internal sealed partial class LeaseHistory
{
    /// <summary>The greatest limit that was in force in a window, or when its first leases were granted, is what holds.</summary>
    private void NoteLimit(AccountKey account, long governorMicros)
    {
        // A safe share is set aside in all windows that begin before its end.
        var until = governorMicros + (_limits[account].SafeSharePpm > 0 ? 8_000_000 : 0);
        var window = LimitWindow.At(governorMicros, account.Per, TimeZoneInfo.Utc);
        _upstreams.Limit(account, window.Id, _limits[account].Amount);
        do
        {
            _upstreams.Limit(account, window.EndMicros, _limits[account].Amount);
            window = LimitWindow.At(window.EndMicros, account.Per, TimeZoneInfo.Utc);
        }
        while (window.EndMicros <= until);
    }

    private void CheckAccounts(int partition, LeaseGovernor governor)
    {
        foreach (var account in Accounts(partition))
        {
            if (governor.Figures(account) is not { } figures)
                continue;
            var window = LimitWindow.At(governor.NowMicros, account.Per, TimeZoneInfo.Utc).Id;
            var served = _upstreams.Charged(account, window);
            var unleased = _unleased[partition].Where(usage => usage.Account == account && LimitWindow.At(usage.At, account.Per, TimeZoneInfo.Utc).Id == window).Sum(static usage => usage.Amount);
            // Usage of the future counts now, and a jump may have skipped its window: never more than came.
            if (figures.Charged < served + figures.Unleased || (_clockAhead[partition] == 0 && _chaos < 2 && figures.Unleased < unleased))
                throw new Violation($"R23 {account}: charged {figures} in {window}, served {served}, unleased {unleased}");
        }
    }

    /// <summary>Gateways that live have returned what nobody uses, also where the request that said so was lost.</summary>
    private void CheckReturned()
    {
        var alive = _gateways.Select(static gateway => gateway.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var account in _accounts)
        {
            if (_governors[PartitionOf(account)]!.Governor.LeasesOf(account).Any(lease => alive.Contains(lease.Gateway)))
                throw new Violation($"R25 nobody asks, and of {account} there is still with gateways that live: {string.Join(' ', Leases(account))}");
        }
    }

    /// <summary>R29: a gateway that died and never came back, and whose journal was recovered, has nothing on loan, long before anything is
    /// written off; but for what was granted in its name by a governor that did not know of its end.</summary>
    private void CheckRecovered()
    {
        for (var partition = 0; partition < Partitions; partition++)
        {
            var governor = _governors[partition]!;
            foreach (var account in Accounts(partition))
            {
                var left = governor.Governor.LeasesOf(account).Where(lease => _recovered.Contains(lease.Gateway) && governor.Ended.TryGetValue(lease.Gateway, out var version) && lease.Version <= version).ToArray();
                if (left.Length > 0)
                    throw new Violation($"R29 all of {left[0].Gateway} was metered, and of {account} there is still with it: {string.Join(' ', Leases(account))}");
            }
        }
    }

    private void CheckRest()
    {
        foreach (var account in _accounts)
        {
            var figures = Figures(account);
            if (figures.OnLoan != 0)
                throw new Violation($"nobody asks, and {figures.OnLoan} of {account} are on loan: {figures} {string.Join(' ', Leases(account))}");
        }
    }

    /// <summary>All that is left can be had by anybody, in one piece, soon; also right after another has had it.</summary>
    private void CheckAllIsUsable()
    {
        foreach (var gateway in _gateways)
        {
            foreach (var account in _accounts)
            {
                var left = Sure(account);
                if (left <= 0)
                    continue;
                LeaseNeed[] needs = [new(Handle(gateway, account), left)];
                var outcome = Ask(gateway, needs, 1_500_000, holdMicros: 20_000);
                _world.RunUntil(_world.Now + 1_600_000);
                if (outcome() != WaitOutcome.Reserved)
                    throw new Violation($"{left} of {account} are left and cannot be had: {outcome()}, {Figures(account)}");
            }
        }
    }

    /// <summary>Requests that exclude each other, on several accounts, at all gateways at once.</summary>
    private void CheckNobodyStarves()
    {
        var outcomes = new List<Func<WaitOutcome>>();
        foreach (var gateway in _gateways)
        {
            for (var i = 0; i < 3; i++)
            {
                var accounts = _accounts.Where(account => Sure(account) > 0 && _random.Next(3) > 0).ToArray();
                _random.Shuffle(accounts);
                LeaseNeed[] needs = [.. accounts.Select(account => new LeaseNeed(Handle(gateway, account), (Sure(account) / 2) + 1))];
                outcomes.Add(Ask(gateway, needs, 20_000_000, _random.Next(5_000, 50_000)));
            }
        }
        _world.RunUntil(_world.Now + 20_500_000);
        var unserved = outcomes.Where(static outcome => outcome() != WaitOutcome.Reserved).Select(static outcome => outcome()).ToArray();
        if (unserved.Length > 0)
            throw new Violation($"R29 of {outcomes.Count} that wait {unserved.Length} are never served: {unserved[0]}, {string.Join(' ', _accounts.Select(account => Figures(account)))}");
    }

    /// <summary>What is left though each gateway is given another safe share.</summary>
    private long Sure(AccountKey account) => Figures(account).Left - (_limits[account].SafeSharePpm > 0 ? 6 * _limits[account].Amount / 10 : 0);

    /// <summary>A request that uses nothing in the end.</summary>
    private Func<WaitOutcome> Ask(SimGateway gateway, LeaseNeed[] needs, long patience, long holdMicros)
    {
        var outcome = WaitOutcome.Waiting;
        gateway.Book.Reserve([], gateway.Now, out _);
        gateway.Book.Wait(needs, gateway.Now, gateway.Now + patience, waiter =>
        {
            outcome = waiter.Outcome;
            if (waiter.Reservation is not { } reservation)
                return;
            _upstreams.Admit(reservation, needs);
            _world.After(holdMicros, () =>
            {
                var used = new long[needs.Length];
                _upstreams.End(reservation, needs, used);
                gateway.Book.Settle(reservation, used, gateway.Now);
            });
        });
        return () => outcome;
    }

    private AccountFigures Figures(AccountKey account) => _governors[PartitionOf(account)]!.Governor.Figures(account)!.Value;

    private IEnumerable<string> Leases(AccountKey account) => _governors[PartitionOf(account)]!.Governor.LeasesOf(account).Select(lease => string.Create(
        CultureInfo.InvariantCulture,
        $"({lease.Id} of {lease.Gateway}: granted {lease.Granted} spent {lease.Spent} reserved {lease.Reserved} returned {lease.Returned} recalled {lease.IsRecalled} ends {(lease.ExpiresAtMicros - SimWorld.Start) / 1000})"));
}
