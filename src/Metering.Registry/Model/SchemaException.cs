namespace Metering.Registry.Model;

/// <summary>A text that is not a valid Avro schema: the message says where and what is wrong.</summary>
public sealed class SchemaException : Exception
{
    private const int MostCharactersQuoted = 80;

    public SchemaException(string where, string what) : base($"{Cut(where)}: {what}")
    {
    }

    /// <summary>What a stranger sent is quoted, but never at full length.</summary>
    internal static string Cut(string text) =>
        text.Length <= MostCharactersQuoted ? text : string.Concat(text.AsSpan(0, MostCharactersQuoted), "…");
}
