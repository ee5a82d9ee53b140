namespace Metering.Core.Sources;

/// <summary>
/// The accounts of one partition's sources. Epochs of a source do not fence each other (R2): a dead pod's spool may
/// arrive after its successor has begun. Looking one up allocates nothing; a run of events of one source costs one
/// comparison. Single-threaded.
/// </summary>
public sealed class SourceTable
{
    private readonly Dictionary<byte[], List<EpochAccount>> _bySource = new(Utf8Comparer.Instance);
    private readonly Dictionary<byte[], List<EpochAccount>>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private EpochAccount? _last;

    public SourceTable() => _lookup = _bySource.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>Accounts held.</summary>
    public int Count { get; private set; }

    /// <summary>The account of a source's epoch, made when it is new.</summary>
    public EpochAccount Get(ReadOnlySpan<byte> source, long epoch)
    {
        if (_last is { } last && last.Epoch == epoch && source.SequenceEqual(last.Source))
            return last;
        return _last = Find(source, epoch) ?? Add(new EpochAccount(source.ToArray(), epoch));
    }

    public void Remove(ReadOnlySpan<byte> source, long epoch)
    {
        _last = null;
        if (!_lookup.TryGetValue(source, out var epochs))
            return;
        Count -= epochs.RemoveAll(account => account.Epoch == epoch);
        if (epochs.Count == 0)
            _lookup.Remove(source);
    }

    /// <summary>Every account, in no order. For reports and retirement, not for the per-event path.</summary>
    public IEnumerable<EpochAccount> All()
    {
        foreach (var epochs in _bySource.Values)
        {
            foreach (var account in epochs)
                yield return account;
        }
    }

    private EpochAccount? Find(ReadOnlySpan<byte> source, long epoch)
    {
        if (!_lookup.TryGetValue(source, out var epochs))
            return null;
        foreach (var account in epochs)
        {
            if (account.Epoch == epoch)
                return account;
        }
        return null;
    }

    private EpochAccount Add(EpochAccount account)
    {
        if (!_bySource.TryGetValue(account.Source, out var epochs))
            _bySource.Add(account.Source, epochs = []);
        epochs.Add(account);
        Count++;
        return account;
    }
}
