using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>
/// Emits an internal type under a schema's own full name. Apache.Avro, and so Confluent's serdes, look up the C# type of a
/// nested record or an enum by that name, and ours stand in a namespace of C#'s spelling.
/// </summary>
internal static class StandInEmitter
{
    public static void Emit(CodeText code, List<AvroType> types)
    {
        foreach (var type in types)
        {
            if (type.FullName == SchemaGenerator.Namespace + "." + type.Name || type.FullName == type.Name)
                continue;
            code.Line("namespace " + type.FullName.Substring(0, type.FullName.Length - type.Name.Length - 1)).Line("{");
            code.Line(type.Kind == AvroKind.Record
                ? $"internal sealed class {type.Name} : global::{SchemaGenerator.Namespace}.{type.Name};"
                : $"internal enum {type.Name};");
            code.Line("}");
        }
    }
}
