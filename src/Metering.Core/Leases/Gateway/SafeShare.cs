using Metering.Core.Windows;

namespace Metering.Core.Leases.Gateway;

/// <summary>The share of each window that was set aside for this gateway. It spends it only in windows for which it was, each once,
/// and goes on to later ones only. Under the book's lock.</summary>
internal sealed class SafeShare(BookAccount account, string id, long amount, long fromWindowId)
{
    private BookLease? _budget;
    private LimitWindow _window;

    public string Id { get; } = id;

    public long Version { get; set; }

    /// <summary>The governor's time: windows that begin before it are set aside.</summary>
    public long UntilMicros { get; set; }

    /// <summary>What can be spent in the window of that time; null = nothing was set aside there.</summary>
    public BookLease? Budget(long governorMicros)
    {
        if (_budget is not null && governorMicros < _window.EndMicros)
            return _budget;
        var window = LimitWindow.At(Math.Max(governorMicros, fromWindowId), account.Key.Per, account.Zone);
        if (window.Id >= UntilMicros)
            return null;
        _window = window;
        return _budget = new BookLease(account, Id, window.Id, amount) { IsShare = true, ExpiresAt = long.MaxValue };
    }

    /// <summary>The sum of its windows' debts, charged to the last of them.</summary>
    public LeaseReport? DebtReport(long debt) => debt == 0 || _budget is null ? null : new LeaseReport(Id, _budget.WindowId, 0, 0, 0, debt, IsClosed: false);
}
