using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>Emits a record's TryRead into a class that is used again, with strings from a pool.</summary>
internal static class ClassReaderEmitter
{
    public static void Emit(CodeText code, AvroType record)
    {
        code.Doc("Decodes a body into a record that is used again; after an error it holds a mixture and must not be used.");
        code.Line($"public static DecodeError TryRead(ReadOnlySpan<byte> body, StringPool pool, {record.Name} into) => TryRead(body, pool, into, out _);").Line();
        code.Line("/// <inheritdoc/>");
        code.Line($"public static DecodeError TryRead(ReadOnlySpan<byte> body, StringPool pool, {record.Name} into, out string? failedField)").Line("{");
        code.Lines(
            "failedField = null;",
            "var position = Read(new AvroReader(body), 0, pool, into, ref failedField);",
            "if (position == body.Length)");
        code.Line("{").Line("return DecodeError.None;").Line("}");
        code.Line("return position < 0 ? AvroReader.ErrorOf(position) : DecodeError.TrailingBytes;").Line("}").Line();
        code.Line($"internal static int Read(AvroReader reader, int position, StringPool pool, {record.Name} into, ref string? failedField)").Line("{");
        foreach (var field in record.Fields)
            Read(code, field.Type, $"into.{field.Property} = ", field.Name, field.Name, $"into.{field.Property}");
        code.Line("return position;").Line("}").Line();
    }

    private static void Fail(CodeText code, string condition, string fieldName, string result = "position") =>
        code.Line($"if ({condition})").Line("{").Line($"FieldPath.Prepend(ref failedField, {Names.Literal(fieldName)});").Line($"return {result};").Line("}");

    /// <summary><paramref name="store"/> is a text before the value, closed by <paramref name="close"/>; <paramref name="old"/> is what may be used again.</summary>
    private static void Read(CodeText code, AvroType type, string store, string id, string fieldName, string? old, string close = ";")
    {
        switch (type.Kind)
        {
            case AvroKind.String:
                code.Line($"position = reader.ReadBytes(position, out var {id}Utf8);");
                Fail(code, "position < 0", fieldName);
                code.Line($"var {id}Text = pool.Intern({id}Utf8);");
                Fail(code, $"{id}Text is null", fieldName, "AvroReader.Fail(DecodeError.BadUtf8)");
                code.Line($"{store}{id}Text{close}");
                break;
            case AvroKind.Bytes:
                code.Line($"position = reader.ReadBytes(position, out var {id}Bytes);");
                Fail(code, "position < 0", fieldName);
                code.Line($"{store}{id}Bytes.ToArray(){close}");
                break;
            case AvroKind.Enum:
                code.Line($"position = reader.ReadEnum(position, {type.Symbols.Count}, out var {id}Index);");
                Fail(code, "position < 0", fieldName);
                code.Line($"{store}({type.Name}){id}Index{close}");
                break;
            case AvroKind.Record:
                code.Line(old is null ? $"var {id}Record = new {type.Name}();" : $"var {id}Record = {old} ?? new {type.Name}();");
                code.Line($"position = {type.Name}.Read(reader, position, pool, {id}Record, ref failedField);");
                Fail(code, "position < 0", fieldName);
                code.Line($"{store}{id}Record{close}");
                break;
            case AvroKind.Array:
                ReadArray(code, type, store, id, fieldName, old!, close);
                break;
            case AvroKind.Map:
                ReadMap(code, type, store, id, fieldName, old!, close);
                break;
            case AvroKind.Nullable:
                code.Line($"position = reader.ReadUnion(position, 2, out var {id}Branch);");
                Fail(code, "position < 0", fieldName);
                code.Line($"if ({id}Branch == {1 - type.NullBranch})").Line("{");
                Read(code, type.Item!, store, id, fieldName, old, close);
                code.Line("}").Line("else").Line("{").Line($"{store}null{close}").Line("}");
                break;
            default:
                code.Line($"position = reader.Read{CSharpTypes.Method(type)}(position, out var {id}Value);");
                Fail(code, "position < 0", fieldName);
                code.Line($"{store}{id}Value{close}");
                break;
        }
    }

    private static void ReadArray(CodeText code, AvroType type, string store, string id, string fieldName, string old, string close)
    {
        var list = $"List<{CSharpTypes.OfProperty(type.Item!)}>";
        code.Line($"var {id}List = {old} as {list} ?? new {list}();").Line($"{id}List.Clear();");
        Blocks(code, id, fieldName, () => Read(code, type.Item!, $"{id}List.Add(", id + "Item", fieldName, null, ");"));
        code.Line($"{store}{id}List{close}");
    }

    private static void ReadMap(CodeText code, AvroType type, string store, string id, string fieldName, string old, string close)
    {
        var map = $"Dictionary<string, {CSharpTypes.OfProperty(type.Item!)}>";
        code.Line($"var {id}Map = {old} as {map} ?? new {map}();").Line($"{id}Map.Clear();");
        Blocks(code, id, fieldName, () =>
        {
            code.Line($"position = reader.ReadBytes(position, out var {id}KeyUtf8);");
            Fail(code, "position < 0", fieldName);
            code.Line($"var {id}Key = pool.Intern({id}KeyUtf8);");
            Fail(code, $"{id}Key is null", fieldName, "AvroReader.Fail(DecodeError.BadUtf8)");
            Read(code, type.Item!, $"{id}Map[{id}Key] = ", id + "Item", fieldName, null);
        });
        code.Line($"{store}{id}Map{close}");
    }

    private static void Blocks(CodeText code, string id, string fieldName, Action item)
    {
        code.Line("while (true)").Line("{").Line($"position = reader.ReadBlock(position, out var {id}Count, out var {id}End);");
        Fail(code, "position < 0", fieldName);
        code.Line($"if ({id}Count == 0 && {id}End < 0)").Line("{").Line("break;").Line("}");
        code.Line($"for (var {id}At = 0; {id}At < {id}Count; {id}At++)").Line("{");
        item();
        code.Line("}");
        Fail(code, $"{id}End >= 0 && position != {id}End", fieldName, "AvroReader.Fail(DecodeError.BadBlock)");
        code.Line("}");
    }
}
