using System.Collections.Concurrent;
using System.Net;
using Confluent.SchemaRegistry;
using Metering.Client.Control;
using Metering.Client.Sending;
using Metering.Core.Sources;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Client;

/// <summary>
/// What the governors have decided, for a gateway or anyone who acts on it: the whole topic <c>control</c> first, then its tail,
/// with the policies and keys that belong to it. All partitions, outside any group, read_committed. It knows when it has
/// lost control: a partition whose governor sends no heartbeat (R30). Step 14 of the path. Any thread may ask.
/// </summary>
public sealed class ControlView : IAsyncDisposable
{
    private const string ControlTopic = "control", PolicyTopic = "policies", KeyTopic = "keys", PriceTopic = "prices";

    private readonly ControlOptions _options;
    private readonly ControlListener _heard;
    private readonly DecisionTable _decisions;
    private readonly ConcurrentDictionary<string, Policy> _policies = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, GatewayKey> _keys = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Price> _prices = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly IDisposable? _registry;
    private readonly PatientDecoder<Decision> _decisionDecoder;
    private readonly PatientDecoder<Policy> _policyDecoder;
    private readonly PatientDecoder<GatewayKey> _keyDecoder;
    private readonly PatientDecoder<Price> _priceDecoder;
    private readonly CompactedReader _reader;
    private long _policyVersion, _keyVersion, _priceVersion;

    /// <param name="registry">Disposed with this view.</param>
    internal ControlView(ControlOptions options, Func<int, CancellationToken, Task<string?>> schemas, IDisposable? registry, ControlListener? heard, ILoggerFactory loggers, TimeProvider time)
    {
        var log = loggers.CreateLogger<ControlView>();
        (_options, _heard) = (options, heard ?? (static (_, _, _) => { }));
        _decisions = new DecisionTable(time);
        _registry = registry;
        _decisionDecoder = new PatientDecoder<Decision>(schemas, time, log, _stop.Token);
        _policyDecoder = new PatientDecoder<Policy>(schemas, time, log, _stop.Token);
        _keyDecoder = new PatientDecoder<GatewayKey>(schemas, time, log, _stop.Token);
        _priceDecoder = new PatientDecoder<Price>(schemas, time, log, _stop.Token);
        _reader = new CompactedReader(options, [ControlTopic, PolicyTopic, KeyTopic, PriceTopic], Take, log);
    }

    /// <summary>Begins to read.</summary>
    /// <param name="heard">Hears heartbeats and grants, on the reader's thread.</param>
    /// <exception cref="ArgumentException">The options are wrong; all that is, in one message.</exception>
    public static ControlView Start(ControlOptions options, ILoggerFactory loggers, TimeProvider time, ControlListener? heard = null)
    {
        if (options.Validate() is { Count: > 0 } errors)
            throw new ArgumentException(string.Join(" ", errors), nameof(options));
        var registry = new CachedSchemaRegistryClient(RegistryUrl.Parse(options.Registry));
        return new ControlView(options, (id, cancellation) => FindAsync(registry, id, cancellation), registry, heard, loggers, time);
    }

    /// <summary>Completes when all that the topics held at the start is known; fails when the reader has ended.</summary>
    public Task ReadToEndAsync(CancellationToken cancellationToken) => _reader.ReadToEnd.WaitAsync(cancellationToken);

    public bool IsReadToEnd => _reader.ReadToEnd.IsCompletedSuccessfully;

    /// <summary>Fails when reading cannot go on; ends when disposed.</summary>
    public Task Ended => _reader.Ended;

    /// <summary>Grows with each change of a policy.</summary>
    public long PolicyVersion => Interlocked.Read(ref _policyVersion);

    /// <summary>Grows with each change of a key.</summary>
    public long KeyVersion => Interlocked.Read(ref _keyVersion);

    /// <summary>Grows with each change of a price.</summary>
    public long PriceVersion => Interlocked.Read(ref _priceVersion);

    public ICollection<Price> Prices => _prices.Values;

    public ICollection<Policy> Policies => _policies.Values;

    public ICollection<GatewayKey> Keys => _keys.Values;

    /// <summary>All that stands, grants and what is in shadow included, whether or not it is in force now.</summary>
    public IEnumerable<Decision> Decisions => _decisions.All;

    /// <summary>Partitions of <c>control</c>; 0 until they are known.</summary>
    public int Partitions => _reader.PartitionsOf(ControlTopic);

    /// <summary>The decision that is in force for a policy's scope; null = none. What is in shadow is told too: look at
    /// <see cref="Decision.Enforce"/>.</summary>
    public Decision? InForce(string scope, string policy) => _decisions.InForce(scope, policy);

    /// <summary>Whether the governor of a scope is heard of. False until its first heartbeat, and after a silence.</summary>
    public bool HasControl(ReadOnlySpan<byte> scope) => Partitions is var count && count > 0 && HasControl(Murmur2.PartitionOf(scope, count));

    /// <summary>The same, of a partition of <c>control</c>.</summary>
    public bool HasControl(int partition) => _decisions.ClockOf(partition).Silence() is { } silence && silence < _options.LostAfter;

    /// <summary>The time at the governor of a scope, Unix µs; 0 before it was heard of.</summary>
    public long GovernorNowMicros(ReadOnlySpan<byte> scope) => Partitions is var count && count > 0 ? _decisions.ClockOf(Murmur2.PartitionOf(scope, count)).NowMicros() : 0;

    /// <summary>The longest silence of any governor; null before each was heard of.</summary>
    public TimeSpan? Staleness()
    {
        var longest = TimeSpan.Zero;
        for (var partition = 0; partition < Partitions; partition++)
        {
            if (_decisions.ClockOf(partition).Silence() is not { } silence)
                return null;
            longest = silence > longest ? silence : longest;
        }
        return Partitions == 0 ? null : longest;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reader.DisposeAsync();
        _registry?.Dispose();
        _stop.Dispose();
    }

    private static async Task<string?> FindAsync(CachedSchemaRegistryClient registry, int schemaId, CancellationToken cancellationToken)
    {
        try
        {
            return (await registry.GetSchemaAsync(schemaId).WaitAsync(cancellationToken)).SchemaString;
        }
        catch (SchemaRegistryException e) when (e.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    private void Take(ControlRecord record)
    {
        switch (record.Topic)
        {
            case ControlTopic:
                TakeDecision(record);
                break;
            case PolicyTopic:
                Take(record, _policies, _policyDecoder, ref _policyVersion);
                break;
            case PriceTopic:
                Take(record, _prices, _priceDecoder, ref _priceVersion);
                break;
            default:
                Take(record, _keys, _keyDecoder, ref _keyVersion);
                break;
        }
    }

    private void TakeDecision(ControlRecord record)
    {
        if (record.Value is null)
        {
            if (_decisions.TakeBack(record.Key) is { Action: DecisionAction.Grant } gone)
                _heard(record.Partition, gone, true);
            return;
        }
        if (_decisionDecoder.Decode(ControlTopic, record.Key, record.Value) is not { } decision || !_decisions.Take(record.Partition, decision, record.IsNews))
            return;
        // A heartbeat of the past says nothing of now.
        if (decision.Action == DecisionAction.Grant || (decision.Action == DecisionAction.Heartbeat && record.IsNews))
            _heard(record.Partition, decision, false);
    }

    // A record that cannot be read leaves what was known: a policy is not lifted by a bad one.
    private static void Take<T>(ControlRecord record, ConcurrentDictionary<string, T> table, PatientDecoder<T> decoder, ref long version)
        where T : class, IAvroRecord<T>, new()
    {
        if (record.Value is null)
            table.TryRemove(record.Key, out _);
        else if (decoder.Decode(record.Topic, record.Key, record.Value) is { } value)
            table[record.Key] = value;
        Interlocked.Increment(ref version);
    }
}

/// <summary>Hears a heartbeat or a grant.</summary>
/// <param name="partition">Of <c>control</c>.</param>
/// <param name="isTakenBack">The grant is settled: its tombstone.</param>
public delegate void ControlListener(int partition, Decision decision, bool isTakenBack);
