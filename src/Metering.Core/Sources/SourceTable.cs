namespace Metering.Core.Sources;

/// <summary>
/// The accounts of one partition's sources. Epochs of a source do not fence each other (R2): a dead pod's spool may
/// arrive after its successor has begun. Looking one up allocates nothing; a run of events of one source costs one
/// comparison. An account's place is by source and epoch, so that a source that restarts all day costs no more than
/// another, and the accounts of a place are a list through themselves: 4 to 8 bytes an account. Single-threaded.
/// </summary>
public sealed class SourceTable
{
    private const int FirstPlaces = 64;
    private const int AccountsPerPlace = 2;

    private EpochAccount?[] _places = new EpochAccount?[FirstPlaces];
    private EpochAccount? _last;

    /// <summary>Accounts held.</summary>
    public int Count { get; private set; }

    /// <summary>The account of a source's epoch, made when it is new.</summary>
    public EpochAccount Get(ReadOnlySpan<byte> source, long epoch)
    {
        if (_last is { } last && Is(last, source, epoch))
            return last;
        ref var place = ref PlaceOf(source, epoch);
        return _last = Find(place, source, epoch) ?? Add(ref place, new EpochAccount(source.ToArray(), epoch));
    }

    /// <summary>The account of a source's epoch, if there is one.</summary>
    public EpochAccount? Find(ReadOnlySpan<byte> source, long epoch) => Find(PlaceOf(source, epoch), source, epoch);

    public void Remove(ReadOnlySpan<byte> source, long epoch)
    {
        ref var place = ref PlaceOf(source, epoch);
        EpochAccount? before = null;
        for (var account = place; account is not null; (before, account) = (account, account.Next))
        {
            if (!Is(account, source, epoch))
                continue;
            if (before is null)
                place = account.Next;
            else
                before.Next = account.Next;
            account.Next = null;
            _last = null;
            Count--;
            return;
        }
    }

    /// <summary>Every account, in no order; none may be added or removed meanwhile. For reports and retirement, not for the
    /// per-event path.</summary>
    public IEnumerable<EpochAccount> All()
    {
        foreach (var place in _places)
        {
            for (var account = place; account is not null; account = account.Next)
                yield return account;
        }
    }

    // The epoch first: it tells nearly all others apart.
    private static bool Is(EpochAccount account, ReadOnlySpan<byte> source, long epoch) => account.Epoch == epoch && source.SequenceEqual(account.Source);

    private static EpochAccount? Find(EpochAccount? place, ReadOnlySpan<byte> source, long epoch)
    {
        var account = place;
        while (account is not null && !Is(account, source, epoch))
            account = account.Next;
        return account;
    }

    private ref EpochAccount? PlaceOf(ReadOnlySpan<byte> source, long epoch)
    {
        var hash = ((ulong)epoch ^ (uint)Utf8Comparer.Instance.GetHashCode(source)) * 0x9E3779B97F4A7C15;
        return ref _places[(int)(hash >> 32) & (_places.Length - 1)];
    }

    private EpochAccount Add(ref EpochAccount? place, EpochAccount account)
    {
        (account.Next, place) = (place, account);
        if (++Count > AccountsPerPlace * _places.Length)
            Grow();
        return account;
    }

    private void Grow()
    {
        var former = _places;
        _places = new EpochAccount?[former.Length * 2];
        foreach (var first in former)
        {
            for (var account = first; account is not null;)
            {
                var next = account.Next;
                ref var place = ref PlaceOf(account.Source, account.Epoch);
                (account.Next, place) = (place, account);
                account = next;
            }
        }
    }
}
