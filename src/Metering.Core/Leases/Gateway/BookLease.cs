namespace Metering.Core.Leases.Gateway;

/// <summary>A lease as its gateway keeps it. Spent + reserved + returned never exceeds the amount. Under the book's lock.</summary>
internal sealed class BookLease(BookAccount account, string id, long windowId, long amount)
{
    public BookAccount Account { get; } = account;

    public string Id { get; } = id;

    /// <summary>Of a safe share, the window that it is spent in now.</summary>
    public long WindowId { get; } = windowId;

    public long Amount { get; } = amount;

    public long Version { get; set; }

    /// <summary>Monotonic, µs.</summary>
    public long OpensAt { get; set; }

    /// <summary>Monotonic, µs. It is remembered until then, so that a repeated grant does not bring it back.</summary>
    public long ExpiresAt { get; set; }

    /// <summary>The part of a safe share that is spent in one window; no report names it.</summary>
    public bool IsShare { get; init; }

    public bool IsRecalled { get; set; }

    public long Spent { get; private set; }

    public long Reserved { get; private set; }

    public long Returned { get; private set; }

    public long Debt { get; private set; }

    /// <summary>It admits nothing any more: what is not reserved has been returned, and what is left of reservations will be.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>The governor has settled it.</summary>
    public bool IsForgotten { get; set; }

    /// <summary>Something of it has changed since it was reported, or its end is not acknowledged.</summary>
    public bool IsToReport { get; set; } = true;

    public bool IsClosed => IsRetired && Reserved == 0;

    public long Free => IsRetired ? 0 : Amount - Spent - Reserved - Returned;

    public LeaseReport Report => new(Id, WindowId, Spent, Reserved, Returned, Debt, IsClosed);

    public void Reserve(long amount)
    {
        if (amount > Free)
            throw new InvalidOperationException($"lease {Id} has {Free} left, not {amount}");
        Reserved += amount;
    }

    /// <summary>Part of a reservation ends; what was not used is free again, or returned.</summary>
    public void Settle(long reserved, long used)
    {
        if (used > reserved || reserved > Reserved)
            throw new InvalidOperationException($"lease {Id} has {Reserved} reserved; {used} of {reserved} cannot be settled");
        Reserved -= reserved;
        Spent += used;
        IsToReport = true;
        if (IsRetired)
            Returned += reserved - used;
        else if (Spent + Returned == Amount)
            IsRetired = true;
    }

    /// <summary>Uses what was not reserved before.</summary>
    public void SpendFree(long amount)
    {
        Reserve(amount);
        Settle(amount, amount);
    }

    public void AddDebt(long amount)
    {
        Debt = Saturating.Add(Debt, amount);
        IsToReport = true;
    }

    /// <summary>Returns what is free, for good.</summary>
    public void Retire()
    {
        if (IsRetired)
            return;
        Returned += Free;
        (IsRetired, IsToReport) = (true, true);
    }
}
