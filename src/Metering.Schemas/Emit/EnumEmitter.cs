using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>Emits an enum and the class that knows its symbols.</summary>
internal static class EnumEmitter
{
    public static void Emit(CodeText code, AvroType type)
    {
        code.Doc(type.Doc ?? $"Avro's enum {type.FullName}.").Line($"public enum {type.Name}").Line("{");
        for (var i = 0; i < type.Symbols.Count; i++)
            code.Doc($"Avro's symbol {type.Symbols[i]}.").Line($"{Names.Pascal(type.Symbols[i])} = {i},");
        code.Line("}").Line();
        code.Doc($"The symbols of {type.FullName} as Avro and the ledger write them.").Line($"public static class {type.Name}Symbols").Line("{");
        code.Doc("The symbols; each stands at its value's number.");
        code.Line($"public static readonly IReadOnlyList<string> All = [{string.Join(", ", type.Symbols.ConvertAll(Names.Literal))}];").Line();
        code.Doc("The symbol of a value.").Line($"public static string Symbol(this {type.Name} value) => value switch").Line("{");
        foreach (var symbol in type.Symbols)
            code.Line($"{type.Name}.{Names.Pascal(symbol)} => {Names.Literal(symbol)},");
        code.Line($"_ => throw new ArgumentOutOfRangeException(nameof(value), value, \"not a symbol of {type.Name}\"),").Line("};").Line();
        code.Doc("The value of a symbol; false if there is none.").Line($"public static bool TryParse(string? symbol, out {type.Name} value)").Line("{");
        code.Line("switch (symbol)").Line("{");
        foreach (var symbol in type.Symbols)
            code.Line($"case {Names.Literal(symbol)}: value = {type.Name}.{Names.Pascal(symbol)}; return true;");
        code.Line("default: value = default; return false;").Line("}").Line("}").Line();
        code.Doc("From what Apache.Avro hands over: the index, or the symbol.").Line($"internal static {type.Name} FromAvro(object? value) => value switch").Line("{");
        code.Line($"int index when (uint)index < {type.Symbols.Count}u => ({type.Name})index,");
        code.Line($"{type.Name} same => same,");
        code.Line($"_ => TryParse(value?.ToString(), out var parsed) ? parsed : throw new global::Avro.AvroException($\"'{{value}}' is not a symbol of {type.Name}\"),");
        code.Line("};").Line("}").Line();
    }
}
