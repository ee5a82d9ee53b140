using Metering.Schemas.Json;
using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>Emits a record's class: properties, schema, and what Apache.Avro's ISpecificRecord asks for.</summary>
internal static class ClassEmitter
{
    public static void Emit(CodeText code, AvroType record, JsonValue schema)
    {
        code.Doc(record.Doc ?? $"Avro's record {record.FullName}.");
        code.Line($"public partial class {record.Name} : global::Avro.Specific.ISpecificRecord, IAvroRecord<{record.Name}>").Line("{");
        EmitSchemas(code, record.Name, schema);
        foreach (var field in record.Fields)
        {
            code.Doc(FieldDoc(field));
            code.Line($"public {CSharpTypes.OfProperty(field.Type)} {field.Property} {{ get; set; }} = {DefaultValue.Of(field, record.Name)};").Line();
        }
        WriterEmitter.Emit(code, record);
        ClassReaderEmitter.Emit(code, record);
        EmitGet(code, record);
        EmitPut(code, record);
        code.Line("}").Line();
    }

    private static string? FieldDoc(AvroField field)
    {
        var kind = field.Type.Kind == AvroKind.Nullable ? field.Type.Item!.Kind : field.Type.Kind;
        var unit = kind switch
        {
            AvroKind.TimestampMicros => "Unix time in microseconds.",
            AvroKind.TimestampMillis => "Unix time in milliseconds.",
            _ => null,
        };
        return unit is null ? field.Doc : field.Doc is null ? unit : field.Doc + " " + unit;
    }

    private static void EmitSchemas(CodeText code, string name, JsonValue schema)
    {
        code.Doc("The schema as it is registered.");
        code.Line($"public const string SchemaJson = {Names.Literal(schema.ToString())};").Line();
        code.Doc("The schema as it is registered, parsed.");
        code.Line("public static readonly global::Avro.Schema AvroSchema = global::Avro.Schema.Parse(SchemaJson);").Line();
        code.Doc("The same, under the name that Apache.Avro's generated classes give it.");
        code.Line("public static readonly global::Avro.Schema _SCHEMA = AvroSchema;").Line();
        code.Line($"static string IAvroRecord<{name}>.Schema => SchemaJson;").Line();
        code.Line("global::Avro.Schema global::Avro.Specific.ISpecificRecord.Schema => AvroSchema;").Line();
    }

    private static void EmitGet(CodeText code, AvroType record)
    {
        code.Line("object global::Avro.Specific.ISpecificRecord.Get(int fieldPos) => fieldPos switch").Line("{");
        for (var i = 0; i < record.Fields.Count; i++)
            code.Line($"{i} => {Boxed(record.Fields[i])},");
        code.Line("_ => throw new global::Avro.AvroRuntimeException($\"bad field position {fieldPos}\"),").Line("};").Line();
    }

    /// <summary>A time as DateTime, which is Apache.Avro's logical value; an enum as its symbol, for Apache.Avro writes ToString() of it.</summary>
    private static string Boxed(AvroField field)
    {
        var nullable = field.Type.Kind == AvroKind.Nullable;
        return (nullable ? field.Type.Item! : field.Type).Kind switch
        {
            AvroKind.TimestampMicros => $"AvroTime.FromMicros({field.Property})!",
            AvroKind.TimestampMillis => $"AvroTime.FromMillis({field.Property})!",
            AvroKind.Enum => $"{field.Property}.Symbol()",
            _ => field.Property + "!",
        };
    }

    private static void EmitPut(CodeText code, AvroType record)
    {
        code.Line("void global::Avro.Specific.ISpecificRecord.Put(int fieldPos, object fieldValue)").Line("{").Line("switch (fieldPos)").Line("{");
        for (var i = 0; i < record.Fields.Count; i++)
            code.Line($"case {i}: {record.Fields[i].Property} = {Unboxed(record.Fields[i].Type)}; break;");
        code.Line("default: throw new global::Avro.AvroRuntimeException($\"bad field position {fieldPos}\");").Line("}").Line("}");
    }

    private static string Unboxed(AvroType type) => type.Kind switch
    {
        AvroKind.TimestampMicros => "AvroTime.ToMicros(fieldValue)",
        AvroKind.TimestampMillis => "AvroTime.ToMillis(fieldValue)",
        AvroKind.Enum => $"{type.Name}Symbols.FromAvro(fieldValue)",
        AvroKind.Nullable when type.Item!.Kind is AvroKind.TimestampMicros or AvroKind.TimestampMillis => $"fieldValue is null ? null : {Unboxed(type.Item)}",
        _ => $"({CSharpTypes.OfProperty(type)})fieldValue",
    };
}
