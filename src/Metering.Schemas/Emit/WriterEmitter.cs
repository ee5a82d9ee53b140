using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>Emits a record's WriteTo.</summary>
internal static class WriterEmitter
{
    public static void Emit(CodeText code, AvroType record)
    {
        code.Line("/// <inheritdoc/>").Line("public void WriteTo(ref AvroWriter writer)").Line("{");
        foreach (var field in record.Fields)
            Write(code, field.Type, field.Property, field.Name);
        code.Line("}").Line();
    }

    private static void Write(CodeText code, AvroType type, string value, string id)
    {
        switch (type.Kind)
        {
            case AvroKind.Enum:
                code.Line($"writer.WriteInt((int){value});");
                break;
            case AvroKind.Record:
                code.Line($"{value}.WriteTo(ref writer);");
                break;
            case AvroKind.Array:
                WriteArray(code, type.Item!, value, id);
                break;
            case AvroKind.Map:
                WriteMap(code, type.Item!, value, id);
                break;
            case AvroKind.Nullable:
                WriteNullable(code, type, value, id);
                break;
            default:
                code.Line($"writer.Write{CSharpTypes.Method(type)}({value});");
                break;
        }
    }

    private static void WriteNullable(CodeText code, AvroType type, string value, string id)
    {
        code.Line($"if ({value} is {{ }} {id}Value)").Line("{").Line($"writer.WriteInt({1 - type.NullBranch});");
        Write(code, type.Item!, id + "Value", id + "Inner");
        code.Line("}").Line("else").Line("{").Line($"writer.WriteInt({type.NullBranch});").Line("}");
    }

    private static void WriteArray(CodeText code, AvroType item, string value, string id)
    {
        code.Line($"var {id}Count = {value}.Count;").Line($"if ({id}Count > 0)").Line("{").Line($"writer.WriteLong({id}Count);");
        code.Line($"for (var {id}At = 0; {id}At < {id}Count; {id}At++)").Line("{");
        Write(code, item, $"{value}[{id}At]", id + "Item");
        code.Line("}").Line("}").Line("writer.WriteLong(0);");
    }

    /// <summary>Through Dictionary's own enumerator where it is one: the interface's would be garbage.</summary>
    private static void WriteMap(CodeText code, AvroType item, string value, string id)
    {
        code.Line($"if ({value}.Count > 0)").Line("{").Line($"writer.WriteLong({value}.Count);");
        code.Line($"if ({value} is Dictionary<string, {CSharpTypes.OfProperty(item)}> {id}Plain)").Line("{");
        WriteEntries(code, item, id + "Plain", id + "Entry");
        code.Line("}").Line("else").Line("{");
        WriteEntries(code, item, value, id + "Other");
        code.Line("}").Line("}").Line("writer.WriteLong(0);");
    }

    private static void WriteEntries(CodeText code, AvroType item, string source, string entry)
    {
        code.Line($"foreach (var {entry} in {source})").Line("{").Line($"writer.WriteString({entry}.Key);");
        Write(code, item, entry + ".Value", entry + "Value");
        code.Line("}");
    }
}
