using Confluent.SchemaRegistry;

namespace Metering.Client.Sending;

/// <summary>Where schemas get their ids: the registry, or a test's own.</summary>
internal interface ISchemaCatalog : IDisposable
{
    /// <summary>The id of a schema under a subject, registered where it is missing. Throws while the registry is away or refuses.</summary>
    Task<int> GetIdAsync(string subject, string schema);
}

internal sealed class RegistryCatalog(string url) : ISchemaCatalog
{
    // Confluent: schema not found, subject not found.
    private const int SchemaNotFound = 40403;
    private const int SubjectNotFound = 40401;
    private readonly CachedSchemaRegistryClient _client = new(RegistryUrl.Parse(url));

    public async Task<int> GetIdAsync(string subject, string schema)
    {
        var wanted = new Schema(schema, SchemaType.Avro);
        try
        {
            // Asked first: a source may be allowed to read the registry and not to write it.
            return (await _client.LookupSchemaAsync(subject, wanted, ignoreDeletedSchemas: true)).Id;
        }
        catch (SchemaRegistryException e) when (e.ErrorCode is SchemaNotFound or SubjectNotFound)
        {
            return await _client.RegisterSchemaAsync(subject, wanted);
        }
    }

    public void Dispose() => _client.Dispose();
}
