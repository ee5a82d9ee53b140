using System.Collections.Concurrent;
using System.Text;
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
    private readonly ConcurrentDictionary<string, byte[]> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (byte[] Value, T Record)> _decoded = new(StringComparer.Ordinal);
    private readonly RegistryDecoder<T> _decoder;
    private readonly CompactedTable _table;
    private long _version;

    public TopicTable(KafkaSettings kafka, string topic, ISchemaSource schemas, ILoggerFactory loggers, TimeProvider time)
    {
        _decoder = new RegistryDecoder<T>(schemas);
        _table = new CompactedTable(kafka, topic, Take, loggers.CreateLogger<CompactedTable>(), time);
    }

    /// <summary>Grows with each record.</summary>
    public long Version => Interlocked.Read(ref _version);

    public bool IsEmpty => _values.IsEmpty;

    public Task RunAsync(CancellationToken cancellationToken) => _table.RunAsync(cancellationToken);

    public Task ReadToEndAsync(CancellationToken cancellationToken) => _table.ReadToEndAsync(cancellationToken);

    /// <summary>All records by key; what cannot be decoded is left out and handed to <paramref name="bad"/>. For one
    /// caller at a time.</summary>
    public async Task<IReadOnlyDictionary<string, T>> SnapshotAsync(Action<string, string> bad, CancellationToken cancellationToken)
    {
        foreach (var (key, value) in _values)
        {
            if (_decoded.TryGetValue(key, out var known) && ReferenceEquals(known.Value, value))
                continue;
            try
            {
                _decoded[key] = (value, await _decoder.DecodeAsync(value, cancellationToken));
            }
            catch (InvalidDataException error)
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
            _values[key] = record.Value.ToArray();
        Interlocked.Increment(ref _version);
    }
}
