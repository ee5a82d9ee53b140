using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>Emits the zero-copy view of a record.</summary>
internal static class ViewEmitter
{
    public static void Emit(CodeText code, AvroType record)
    {
        var name = record.Name + "View";
        code.Doc($"A {record.Name} as it lies in a body: validated whole, nothing copied. Valid as long as the body's memory is.");
        code.Line($"public ref struct {name} : IElement<{name}>").Line("{");
        foreach (var field in record.Fields)
        {
            code.Doc(field.Doc).Line($"public {CSharpTypes.OfView(field.Type)} {field.Property} {{ readonly get; private set; }}").Line();
            if (NeedsHas(field.Type))
                code.Doc($"Whether {field.Property} is not null.").Line($"public bool Has{field.Property} {{ readonly get; private set; }}").Line();
        }
        EmitTryRead(code, name);
        code.Doc($"Reads and validates a {record.Name} at a position; the next position, or minus the error.");
        code.Line($"public static int Read(AvroReader reader, int position, out {name} value, scoped ref string? failedField)").Line("{");
        code.Line("Unsafe.SkipInit(out value);");
        foreach (var field in record.Fields)
            ReadField(code, field);
        code.Line("return position;").Line("}").Line("}").Line();
    }

    private static void EmitTryRead(CodeText code, string name)
    {
        code.Doc("Decodes and validates a body; the view is empty if it fails.");
        code.Line($"public static DecodeError TryRead(ReadOnlySpan<byte> body, out {name} view) => TryRead(body, out view, out _);").Line();
        code.Doc("Decodes and validates a body, and names the field at which it failed.");
        code.Line($"public static DecodeError TryRead(ReadOnlySpan<byte> body, out {name} view, out string? failedField)").Line("{");
        code.Lines(
            "failedField = null;",
            "var position = Read(new AvroReader(body), 0, out view, ref failedField);",
            "if (position == body.Length)");
        code.Line("{").Line("return DecodeError.None;").Line("}");
        code.Line("view = default;");
        code.Line("return position < 0 ? AvroReader.ErrorOf(position) : DecodeError.TrailingBytes;").Line("}").Line();
    }

    private static bool NeedsHas(AvroType type) => type.Kind == AvroKind.Nullable && !CSharpTypes.IsNumber(type.Item!);

    private static void ReadField(CodeText code, AvroField field)
    {
        if (field.Type.Kind != AvroKind.Nullable)
        {
            Read(code, field.Type, field, field.Name);
            return;
        }
        code.Line($"position = reader.ReadUnion(position, 2, out var {field.Name}Branch);");
        Fail(code, field);
        code.Line($"if ({field.Name}Branch == {1 - field.Type.NullBranch})").Line("{");
        Read(code, field.Type.Item!, field, field.Name);
        if (NeedsHas(field.Type))
            code.Line($"value.Has{field.Property} = true;");
        code.Line("}").Line("else").Line("{").Line($"value.{field.Property} = default;");
        if (NeedsHas(field.Type))
            code.Line($"value.Has{field.Property} = false;");
        code.Line("}");
    }

    private static void Read(CodeText code, AvroType type, AvroField field, string id)
    {
        var read = type.Kind switch
        {
            AvroKind.Enum => $"reader.ReadEnum(position, {type.Symbols.Count}, out var {id}Value);",
            AvroKind.Record or AvroKind.Array or AvroKind.Map => $"{CSharpTypes.OfView(type)}.Read(reader, position, out var {id}Value, ref failedField);",
            _ => $"reader.Read{CSharpTypes.Method(type)}(position, out var {id}Value);",
        };
        code.Line("position = " + read);
        Fail(code, field);
        code.Line($"value.{field.Property} = {(type.Kind == AvroKind.Enum ? $"({type.Name})" : "")}{id}Value;");
    }

    private static void Fail(CodeText code, AvroField field) =>
        code.Line("if (position < 0)").Line("{").Line($"FieldPath.Prepend(ref failedField, {Names.Literal(field.Name)});").Line("return position;").Line("}");
}
