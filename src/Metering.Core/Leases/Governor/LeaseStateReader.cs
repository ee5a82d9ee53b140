namespace Metering.Core.Leases.Governor;

/// <summary>Puts saved records back, in any order.</summary>
internal static class LeaseStateReader
{
    /// <summary>The account that the record is of.</summary>
    /// <exception cref="InvalidDataException">It is not one of ours, or damaged.</exception>
    public static GovernedAccount Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Func<AccountKey, GovernedAccount> accountOf, Dictionary<string, GovernedLease> leases)
    {
        var rest = LeaseStateCodec.BeginValue(value);
        return key[1] switch
        {
            LeaseStateCodec.WindowKind => RestoreWindow(key[2..], rest, accountOf),
            LeaseStateCodec.LeaseKind => RestoreLease(key[2..], rest, accountOf, leases),
            LeaseStateCodec.SeatKind => RestoreSeat(key[2..], rest, accountOf),
            var kind => throw new InvalidDataException($"not a lease state: kind {kind}"),
        };
    }

    private static GovernedAccount RestoreWindow(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Func<AccountKey, GovernedAccount> accountOf)
    {
        var account = accountOf(LeaseStateCodec.TakeAccount(ref key));
        var window = account.Open(new(LeaseStateCodec.TakeInt64(ref key), LeaseStateCodec.TakeInt64(ref value)));
        (window.Settled, window.Unleased, window.WrittenOff) =
            (LeaseStateCodec.TakeInt64(ref value), LeaseStateCodec.TakeInt64(ref value), LeaseStateCodec.TakeInt64(ref value));
        return account;
    }

    private static GovernedAccount RestoreLease(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Func<AccountKey, GovernedAccount> accountOf, Dictionary<string, GovernedLease> leases)
    {
        var account = accountOf(LeaseStateCodec.TakeAccount(ref value));
        var window = account.Open(new(LeaseStateCodec.TakeInt64(ref value), LeaseStateCodec.TakeInt64(ref value)));
        var lease = new GovernedLease(
            window, LeaseStateCodec.TakeText(ref key), LeaseStateCodec.TakeText(ref value), LeaseStateCodec.TakeText(ref value), LeaseStateCodec.TakeInt64(ref value))
        {
            Spent = LeaseStateCodec.TakeInt64(ref value),
            Returned = LeaseStateCodec.TakeInt64(ref value),
            Debt = LeaseStateCodec.TakeInt64(ref value),
            Version = LeaseStateCodec.TakeInt64(ref value),
            Answers = LeaseStateCodec.TakeInt64(ref value),
            ExpiresAtMicros = LeaseStateCodec.TakeInt64(ref value),
            TtlMs = LeaseStateCodec.TakeInt64(ref value),
        };
        var flags = LeaseStateCodec.TakeInt64(ref value);
        (lease.IsRecalled, lease.IsClosed) = ((flags & LeaseStateCodec.Recalled) != 0, (flags & LeaseStateCodec.Closed) != 0);
        // A state that was saved before leases were metered ends here.
        lease.Metered = value.IsEmpty ? 0 : LeaseStateCodec.TakeInt64(ref value);
        window.Leases.Add(lease.Id, lease);
        leases.Add(lease.Id, lease);
        return account;
    }

    private static GovernedAccount RestoreSeat(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Func<AccountKey, GovernedAccount> accountOf)
    {
        var account = accountOf(LeaseStateCodec.TakeAccount(ref value));
        var seat = new SafeShareSeat(
            account.Key, LeaseStateCodec.TakeText(ref key), LeaseStateCodec.TakeText(ref value), LeaseStateCodec.TakeText(ref value),
            LeaseStateCodec.TakeInt64(ref value), LeaseStateCodec.TakeInt64(ref value))
        {
            UntilMicros = LeaseStateCodec.TakeInt64(ref value),
            Version = LeaseStateCodec.TakeInt64(ref value),
            Debt = LeaseStateCodec.TakeInt64(ref value),
        };
        account.Seats.Add(seat.Id, seat);
        return account;
    }
}
