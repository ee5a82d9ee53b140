using Metering.Registry.Model;

namespace Metering.Registry.Store;

/// <summary>A schema that asks to be registered or found: parsed, and with the text that is its identity.</summary>
internal sealed class CandidateSchema(AvroSchema schema, bool normalize)
{
    public AvroSchema Schema { get; } = schema;

    public string Text { get; } = SchemaWriter.Write(schema, normalize);

    /// <summary>Whether a version holds this schema. A normalized one also finds what was registered before anyone normalized.</summary>
    public bool Is(StoredVersion version) =>
        version.Schema.Text == Text || (normalize && SchemaWriter.Write(SchemaParser.Parse(version.Schema.Text), sortProperties: true) == Text);
}
