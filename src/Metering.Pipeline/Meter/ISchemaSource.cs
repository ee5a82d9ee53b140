namespace Metering.Pipeline.Meter;

/// <summary>Where schemas come from by their id: a registry.</summary>
public interface ISchemaSource
{
    /// <summary>The schema's text; null when the registry itself says that it knows none of this id (404).</summary>
    /// <exception cref="SchemaSourceAwayException">The registry could not be asked.</exception>
    Task<string?> FindAsync(int schemaId, CancellationToken cancellationToken);
}

/// <summary>The registry does not answer, or answers with an error of its own: wait, do not reject (R16).</summary>
public sealed class SchemaSourceAwayException(string message, Exception? inner = null) : Exception(message, inner);
