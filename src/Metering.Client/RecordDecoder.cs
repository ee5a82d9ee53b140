using System.Collections.Concurrent;
using Metering.Events;

namespace Metering.Client;

/// <summary>Decodes records of small topics, whatever version of the schema wrote them. Schemas that fit are asked for once an id.
/// For one caller at a time.</summary>
/// <param name="schemas">Finds a schema's text by its id; null when the registry knows none. What it throws comes through.</param>
public sealed class RecordDecoder<T>(Func<int, CancellationToken, Task<string?>> schemas)
    where T : class, IAvroRecord<T>, new()
{
    private const int MaxBytes = 1 << 20;

    private readonly ConcurrentDictionary<int, ResolutionPlan> _plans = new();
    private readonly StringPool _strings = new(4_096);

    /// <exception cref="UnknownSchemaException">The registry knows no such schema, now.</exception>
    /// <exception cref="InvalidDataException">The record is none of ours; the message says why.</exception>
    public async Task<T> DecodeAsync(byte[] value, CancellationToken cancellationToken)
    {
        if (!WireFormat.TryReadHeader(value, out var schemaId, out _) || schemaId < 1)
            throw new InvalidDataException($"a value of {value.Length} bytes is not in Confluent's wire format");
        var plan = _plans.GetValueOrDefault(schemaId) ?? await CompileAsync(schemaId, cancellationToken);
        var record = new T();
        var error = Decode(value, plan, record, out var failedField);
        return error == DecodeError.None ? record : throw new InvalidDataException($"{error} at {failedField ?? "its end"}");
    }

    private DecodeError Decode(byte[] value, ResolutionPlan plan, T record, out string? failedField)
    {
        var body = value.AsSpan(WireFormat.HeaderBytes);
        if (plan.IsIdentity)
            return T.TryRead(body, _strings, record, out failedField);
        using var resolved = new PooledBuffer();
        var error = plan.TryTranscode(body, resolved, MaxBytes, out failedField);
        return error == DecodeError.None ? T.TryRead(resolved.WrittenSpan, _strings, record, out failedField) : error;
    }

    private async Task<ResolutionPlan> CompileAsync(int schemaId, CancellationToken cancellationToken)
    {
        var writer = await schemas(schemaId, cancellationToken) ?? throw new UnknownSchemaException(schemaId);
        if (!ResolutionPlan.TryCompile(writer, T.Schema, out var plan, out var error))
            throw new InvalidDataException($"schema {schemaId} does not fit {typeof(T).Name}: {error}");
        return _plans[schemaId] = plan;
    }
}

/// <summary>The registry knows no such schema: it may have been registered a moment ago (R16).</summary>
public sealed class UnknownSchemaException(int schemaId) : Exception($"the registry knows no schema {schemaId}");
