using System.Collections.Concurrent;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Pipeline.Meter;

/// <summary>
/// What METER knows of writers' schemas, shared by all tasks of a process. Looking an id up is one read of a
/// dictionary; finding a new one out is I/O and happens in <see cref="ResolvePendingAsync"/>, while the partition holds
/// (R16). <paramref name="readerJson"/> is what they are read as: token events, unless it says otherwise. An id is unknown only when the registry has said so for ten seconds; a registry that is away is waited for.
/// </summary>
public sealed class SchemaBook(ISchemaSource source, TimeProvider time, ILogger<SchemaBook> logger, string readerJson = TokenEvent.SchemaJson, string readerName = nameof(TokenEvent))
{
    /// <summary>How long the registry must say 404 before an id counts as unknown (R16): a schema that was registered a
    /// moment ago may not have reached the replica that was asked.</summary>
    public static readonly TimeSpan UnknownAfter = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(250);
    private readonly ConcurrentDictionary<int, SchemaEntry> _known = new();
    private readonly ConcurrentDictionary<int, long> _pending = new(); // id → timestamp of the first 404, 0 = not asked yet
    private readonly SemaphoreSlim _asking = new(1);

    /// <summary>Set while the registry does not answer; for readiness.</summary>
    public string? Problem { get; private set; }

    /// <summary>What is known of an id; null = not yet, and it is now waited for.</summary>
    public SchemaEntry? Find(int schemaId)
    {
        if (_known.TryGetValue(schemaId, out var entry))
            return entry;
        _pending.TryAdd(schemaId, 0);
        return null;
    }

    /// <summary>Asks for what is waited for. Returns when at least one id is settled, or after a short wait.</summary>
    public async Task ResolvePendingAsync(CancellationToken cancellationToken)
    {
        // The short wait is every task's own: in the lock one task's id would hold up all others' by turns (R14).
        if (!await AskAsync(cancellationToken) && !_pending.IsEmpty)
            await Task.Delay(RetryAfter, time, cancellationToken);
    }

    private async Task<bool> AskAsync(CancellationToken cancellationToken)
    {
        await _asking.WaitAsync(cancellationToken);
        try
        {
            var settled = false;
            foreach (var schemaId in _pending.Keys)
                settled |= await TrySettleAsync(schemaId, cancellationToken);
            return settled;
        }
        finally
        {
            _asking.Release();
        }
    }

    private async Task<bool> TrySettleAsync(int schemaId, CancellationToken cancellationToken)
    {
        try
        {
            var text = await source.FindAsync(schemaId, cancellationToken);
            Problem = null;
            if (text is null && !IsLongUnknown(schemaId))
                return false;
            Settle(schemaId, text is null ? SchemaEntry.Unknown : Compile(schemaId, text));
            return true;
        }
        catch (SchemaSourceAwayException away)
        {
            _pending[schemaId] = 0; // silence is not a 404: the ten seconds begin anew
            if (Problem is null)
                MeterLog.RegistryAway(logger, away, schemaId);
            Problem = away.Message;
            return false;
        }
    }

    private bool IsLongUnknown(int schemaId)
    {
        var now = time.GetTimestamp();
        var since = _pending.AddOrUpdate(schemaId, now, (_, first) => first == 0 ? now : first);
        return time.GetElapsedTime(since, now) >= UnknownAfter;
    }

    private void Settle(int schemaId, SchemaEntry entry)
    {
        _known[schemaId] = entry;
        _pending.TryRemove(schemaId, out _);
        MeterLog.SchemaSettled(logger, schemaId, entry.Describe());
    }

    private SchemaEntry Compile(int schemaId, string writerJson)
    {
        if (!ResolutionPlan.TryCompile(writerJson, readerJson, out var plan, out var error))
            return SchemaEntry.Incompatible($"schema {schemaId} cannot be read as metering.events.{readerName}: {error}");
        return plan.IsIdentity ? SchemaEntry.Same : SchemaEntry.Resolved(plan);
    }
}
