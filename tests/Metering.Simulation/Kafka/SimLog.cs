using Metering.Kafka.Tasks;

namespace Metering.Simulation.Kafka;

/// <summary>A record, or a marker (key null), with its transaction if it has one.</summary>
internal sealed record SimRecord(long Offset, byte[]? Key, byte[] Value, RecordHeader[] Headers, long ArrivedAtMs, SimTransaction? Transaction)
{
    public bool IsMarker => Key is null;
}

/// <summary>One partition: offsets without gaps but for markers, and the last stable offset that holds readers back.</summary>
internal sealed class SimLog
{
    private readonly List<SimRecord> _records = [];

    public long End => _records.Count;

    public long LastStable
    {
        get
        {
            var open = _records.FindIndex(record => record.Transaction?.State == TransactionState.Open);
            return open < 0 ? End : open;
        }
    }

    public SimRecord this[long offset] => _records[(int)offset];

    public void Append(byte[] key, byte[] value, RecordHeader[] headers, long nowMs, SimTransaction? transaction)
    {
        var record = new SimRecord(End, key, value, headers, nowMs, transaction);
        _records.Add(record);
        if (transaction is null)
            return;
        if (!transaction.Records.TryGetValue(this, out var records))
            transaction.Records.Add(this, records = []);
        records.Add(record);
    }

    public void AppendMarker(long nowMs) => _records.Add(new SimRecord(End, null, [], [], nowMs, null));

    /// <summary>What one transaction has appended here.</summary>
    public IReadOnlyList<SimRecord> Of(SimTransaction transaction) => transaction.Records.GetValueOrDefault(this) ?? [];

    /// <summary>What a reader of committed records sees from an offset on.</summary>
    public IEnumerable<SimRecord> ReadCommitted(long from)
    {
        var end = LastStable;
        for (var offset = from; offset < end; offset++)
        {
            if (this[offset] is { IsMarker: false } record && record.Transaction is null or { State: TransactionState.Committed })
                yield return record;
        }
    }
}
