using System.Globalization;
using Metering.Registry.Store;

namespace Metering.Registry.Service;

/// <summary>Schemas by their global id: what a deserializer asks for.</summary>
internal sealed class SchemaCalls(RegistryStore store)
{
    private static readonly string[] Types = ["AVRO"];

    public Task TypesAsync(RegistryCall call) => call.AnswerAsync(Types, WireJson.Default.StringArray);

    public Task ByIdAsync(RegistryCall call) =>
        call.AnswerAsync(Find(call, schema => new SchemaAnswer(schema.Text)), WireJson.Default.SchemaAnswer);

    public Task TextByIdAsync(RegistryCall call) => call.AnswerTextAsync(Find(call, schema => schema.Text));

    public Task SubjectsAsync(RegistryCall call) =>
        call.AnswerAsync(Find(call, schema => schema.Uses.Select(use => use.Subject).Distinct(StringComparer.Ordinal).ToArray()), WireJson.Default.StringArray);

    public Task VersionsAsync(RegistryCall call) =>
        call.AnswerAsync(Find(call, schema => schema.Uses.Select(UseAnswer.Of).ToArray()), WireJson.Default.UseAnswerArray);

    private T Find<T>(RegistryCall call, Func<StoredSchema, T> read) where T : class
    {
        var id = call.Id;
        return store.Read(state => state.ById(id) is { } schema ? read(schema) : null)
            ?? throw RegistryError.SchemaNotFound($"Schema {id.ToString(CultureInfo.InvariantCulture)}");
    }
}
