using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Metering.ClickHouse.Migrations;

/// <summary>One numbered file, <c>NNNN_name.sql</c>, embedded in this assembly.</summary>
public sealed record Migration(int Version, string Name, string Sql)
{
    public string Checksum => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));

    /// <summary>All files, in order; numbers begin at 1 and have no gap.</summary>
    public static IReadOnlyList<Migration> All()
    {
        const string Folder = "Metering.ClickHouse.Migrations.";
        var assembly = typeof(Migration).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(".sql", StringComparison.Ordinal))
            .Select(name => Read(assembly, name, name[Folder.Length..^".sql".Length]))
            .OrderBy(migration => migration.Version)];
    }

    /// <summary>The file's statements: each ends with a semicolon at the end of a line.</summary>
    public IEnumerable<string> Statements() =>
        Sql.Split(";\n", StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(statement => statement.TrimEnd(';'));

    private static Migration Read(Assembly assembly, string resource, string file)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return new Migration(int.Parse(file.AsSpan(0, 4), CultureInfo.InvariantCulture), file[5..], reader.ReadToEnd().ReplaceLineEndings("\n"));
    }
}
