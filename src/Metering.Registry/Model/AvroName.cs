using System.Buffers;

namespace Metering.Registry.Model;

/// <summary>A full name: <c>namespace.name</c>, or the name alone when it has no namespace.</summary>
internal readonly record struct AvroName(string? Space, string Name)
{
    // Avro sets no limit; messages and paths repeat names, so a stranger's must not be a megabyte long.
    private const int MostCharacters = 1024;

    private static readonly SearchValues<char> Letters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");
    private static readonly SearchValues<char> LettersAndDigits = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

    public string Full => Space is null ? Name : $"{Space}.{Name}";

    /// <summary>As it is written inside the namespace <paramref name="enclosing"/>: without its own when that is the same.</summary>
    public string Within(string? enclosing) => Space == enclosing ? Name : Full;

    /// <summary>A dot in <paramref name="text"/> makes it a full name; without one it takes <paramref name="space"/>.</summary>
    public static AvroName Parse(string text, string? space, string where)
    {
        var dot = text.LastIndexOf('.');
        if (dot >= 0)
            space = text[..dot];
        var name = text[(dot + 1)..];
        CheckName(name, where);
        if (string.IsNullOrEmpty(space))
            return new AvroName(null, name);
        CheckSpace(space, where);
        return new AvroName(space, name);
    }

    /// <summary>Avro's rule for the names of types, fields and symbols: a letter or underscore, then letters, digits, underscores.</summary>
    public static void CheckName(string name, string where)
    {
        if (name.Length is 0 or > MostCharacters)
            throw new SchemaException(where, $"a name must have 1 to {MostCharacters} characters, this one has {name.Length}");
        if (!Letters.Contains(name[0]) || name.AsSpan().ContainsAnyExcept(LettersAndDigits))
            throw new SchemaException(where, $"'{SchemaException.Cut(name)}' is not a name: a letter or underscore, then letters, digits and underscores");
    }

    // Hyphens are against the specification, but Java's Avro has always let them through in namespaces, and people use them.
    private static void CheckSpace(string space, string where)
    {
        if (space.Length > MostCharacters)
            throw new SchemaException(where, $"a namespace must have at most {MostCharacters} characters, this one has {space.Length}");
        foreach (var part in space.Split('.'))
            if (part.Length == 0 || part.Replace("-", "", StringComparison.Ordinal).AsSpan().ContainsAnyExcept(LettersAndDigits))
                throw new SchemaException(where, $"'{SchemaException.Cut(space)}' is not a namespace: names joined by dots");
    }
}
