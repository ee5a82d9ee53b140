using System.Collections.Concurrent;
using System.Net;
using Confluent.SchemaRegistry;
using Metering.Cli.Settings;
using Metering.Events;
using Metering.Pipeline.Meter;

namespace Metering.Cli.Hosting;

/// <summary>The schema registry as the roles use it, through Confluent's client.</summary>
internal sealed class RegistryConnection(ServiceUrl url) : ISchemaSource, IDisposable
{
    private readonly CachedSchemaRegistryClient _client = new(new SchemaRegistryConfig
    {
        Url = url.Address,
        BasicAuthUserInfo = url.UserInfo,
        RequestTimeoutMs = 5_000,
        MaxRetries = 1, // the client fails in every call with 0; waiting is ours (R16)
    });

    public string Description => $"registry at {url}";

    /// <summary>The registry did not answer, or not with a word about the schema.</summary>
    public static bool IsAway(Exception error) => error is HttpRequestException or TaskCanceledException or SchemaSourceAwayException
        || (error is SchemaRegistryException { Status: var status } && (status >= HttpStatusCode.InternalServerError || status == HttpStatusCode.RequestTimeout));

    public async Task<string?> FindAsync(int schemaId, CancellationToken cancellationToken)
    {
        try
        {
            return (await _client.GetSchemaAsync(schemaId).WaitAsync(cancellationToken)).SchemaString;
        }
        catch (SchemaRegistryException error) when (error.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (Exception error) when (error is HttpRequestException or SchemaRegistryException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new SchemaSourceAwayException($"{Description}: {error.Message}", error);
        }
    }

    /// <summary>Registers a schema under a topic's subject, or finds it there.</summary>
    /// <returns>Its id.</returns>
    /// <exception cref="SchemaRegistryException">The registry refuses it: it is not compatible with what is there.</exception>
    public Task<int> RegisterAsync(string topic, string schemaJson, CancellationToken cancellationToken) =>
        _client.RegisterSchemaAsync(topic + "-value", new Schema(schemaJson, SchemaType.Avro)).WaitAsync(cancellationToken);

    public void Dispose() => _client.Dispose();
}

/// <summary>Decodes records of small topics, whatever version of the schema wrote them.</summary>
internal sealed class RegistryDecoder<T>(ISchemaSource schemas)
    where T : class, IAvroRecord<T>, new()
{
    private const int MaxBytes = 1 << 20;
    private readonly ConcurrentDictionary<int, ResolutionPlan> _plans = new();
    private readonly StringPool _strings = new();

    /// <exception cref="InvalidDataException">The record is none of ours; the message says why.</exception>
    /// <exception cref="SchemaSourceAwayException">The registry does not answer.</exception>
    public async Task<T> DecodeAsync(byte[] value, CancellationToken cancellationToken)
    {
        if (!WireFormat.TryReadHeader(value, out var schemaId, out _))
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
        var writer = await schemas.FindAsync(schemaId, cancellationToken) ?? throw new InvalidDataException($"the registry knows no schema {schemaId}");
        if (!ResolutionPlan.TryCompile(writer, T.Schema, out var plan, out var error))
            throw new InvalidDataException($"schema {schemaId} does not fit {typeof(T).Name}: {error}");
        return _plans[schemaId] = plan;
    }
}
