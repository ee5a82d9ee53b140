using System.Collections.Concurrent;
using System.Text;
using Metering.Client;
using Metering.Events;
using Metering.Kafka;
using Metering.Kafka.Tables;
using Metering.Pipeline.Meter;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>A small compacted topic in memory: the newest record of each key, decoded when it is asked for.</summary>
internal sealed class TopicTable<T>
    where T : class, IAvroRecord<T>, new()
{
    private readonly ConcurrentDictionary<string, Newest> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Newest Newest, T Record)> _decoded = new(StringComparer.Ordinal);
    private readonly RecordDecoder<T> _decoder;
    private readonly CompactedTable _table;
    private long _version;

    public TopicTable(KafkaSettings kafka, string topic, ISchemaSource schemas, ILoggerFactory loggers, TimeProvider time)
    {
        _decoder = new RecordDecoder<T>(schemas.FindAsync);
        _table = new CompactedTable(kafka, topic, Take, loggers.CreateLogger<CompactedTable>(), time);
    }

    private sealed record Newest(byte[] Value, long ArrivedAtMs);

    /// <summary>Grows with each record.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>When all that the topic held was last seen to be here; null before the first time.</summary>
    public DateTimeOffset? CaughtUpAt => _table.Status.CaughtUpAt;

    /// <summary>All that have a record now.</summary>
    public IReadOnlyCollection<string> Keys => [.. _values.Keys];

    public bool IsEmpty => _values.IsEmpty;

    public Task RunAsync(CancellationToken cancellationToken) => _table.RunAsync(cancellationToken);

    public Task ReadToEndAsync(CancellationToken cancellationToken) => _table.ReadToEndAsync(cancellationToken);

    /// <summary>When the key's newest record arrived by the broker's time, Unix ms; 0 when there is none.</summary>
    public long ArrivedAtMs(string key) => _values.TryGetValue(key, out var newest) ? newest.ArrivedAtMs : 0;

    /// <summary>All records by key; what cannot be decoded is left out and handed to <paramref name="bad"/>. For one
    /// caller at a time.</summary>
    public async Task<IReadOnlyDictionary<string, T>> SnapshotAsync(Action<string, string> bad, CancellationToken cancellationToken)
    {
        foreach (var (key, newest) in _values)
        {
            if (_decoded.TryGetValue(key, out var known) && ReferenceEquals(known.Newest, newest))
                continue;
            try
            {
                _decoded[key] = (newest, await _decoder.DecodeAsync(newest.Value, cancellationToken));
            }
            catch (Exception error) when (error is InvalidDataException or UnknownSchemaException)
            {
                bad(key, error.Message);
            }
        }
        foreach (var gone in _decoded.Keys.Where(key => !_values.ContainsKey(key)).ToArray())
            _decoded.Remove(gone);
        return _decoded.ToDictionary(pair => pair.Key, pair => pair.Value.Record, StringComparer.Ordinal);
    }

    private void Take(in TableRecord record)
    {
        var key = Encoding.UTF8.GetString(record.Key);
        if (record.IsTombstone)
            _values.TryRemove(key, out _);
        else
            _values[key] = new Newest(record.Value.ToArray(), record.ArrivedAtMs);
        Interlocked.Increment(ref _version);
    }
}
