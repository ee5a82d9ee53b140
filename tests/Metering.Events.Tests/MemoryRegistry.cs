using System.Reflection;
using Confluent.SchemaRegistry;

namespace Metering.Events.Tests;

/// <summary>A schema registry in memory, for Confluent's serdes: ids count up from 1, everything registers.</summary>
public sealed class MemoryRegistry
{
    private readonly List<string> _schemas = [];

    public MemoryRegistry()
    {
        Client = DispatchProxy.Create<ISchemaRegistryClient, Calls>();
        ((Calls)Client).Registry = this;
    }

    public ISchemaRegistryClient Client { get; }

    /// <summary>The id of a schema, a new one if it is not known.</summary>
    public int Add(string schema)
    {
        var at = _schemas.IndexOf(schema);
        if (at < 0)
            _schemas.Add(schema);
        return at < 0 ? _schemas.Count : at + 1;
    }

    public string Schema(int id) => _schemas[id - 1];

    /// <summary>Answers the few calls that the serdes make; any other is a test's mistake.</summary>
    public class Calls : DispatchProxy
    {
        internal MemoryRegistry Registry { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name switch
        {
            "get_MaxCachedSchemas" => 1000,
            "get_Config" => Array.Empty<KeyValuePair<string, string>>(),
            "RegisterSchemaWithResponseAsync" or "LookupSchemaAsync" => Task.FromResult(Register((string)args![0]!, (Schema)args[1]!)),
            "GetSchemaAsync" or "GetSchemaBySubjectAndIdAsync" => Task.FromResult(Get(args!.OfType<int>().First())),
            "GetAssociationsByResourceNameAsync" => Task.FromResult(new List<Association>()),
            "Dispose" => null,
            var name => throw new NotSupportedException(name),
        };

        private RegisteredSchema Register(string subject, Schema schema) =>
            new(subject, 1, Registry.Add(schema.SchemaString), schema.SchemaString, SchemaType.Avro, schema.References);

        private Schema Get(int id) => new(Registry.Schema(id), [], SchemaType.Avro);
    }
}
