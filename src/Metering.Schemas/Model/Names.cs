using System.Text;

namespace Metering.Schemas.Model;

/// <summary>From Avro's snake_case to C#'s names.</summary>
internal static class Names
{
    public static string Pascal(string name)
    {
        var text = new StringBuilder();
        var upper = true;
        foreach (var c in name)
        {
            if (c == '_')
            {
                upper = true;
                continue;
            }
            text.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = false;
        }
        return text.ToString();
    }

    /// <summary>A property's name; a time gets its unit, for in C# it is a plain number.</summary>
    public static string Property(string name, AvroType type)
    {
        var kind = type.Kind == AvroKind.Nullable ? type.Item!.Kind : type.Kind;
        return Pascal(name) + kind switch
        {
            AvroKind.TimestampMicros => "Micros",
            AvroKind.TimestampMillis => "Millis",
            _ => "",
        };
    }

    /// <summary>A C# string literal.</summary>
    public static string Literal(string text) => Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text, quote: true);
}
