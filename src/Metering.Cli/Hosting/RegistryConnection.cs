using System.Net;
using Confluent.SchemaRegistry;
using Metering.Cli.Settings;
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
