namespace Metering.Cli.Tests.Tidy;

/// <summary>The checkout that this test program was built from: its files as a reader sees them, without build outputs.</summary>
internal static class Checkout
{
    private static readonly string[] Folders = [".ci", "dashboards", "docs", "infra", "schemas", "src", "tests"];
    private static readonly string[] Outputs = ["bin", "obj"];

    public static string Root { get; } = Find();

    public static string Text(string relative) => File.ReadAllText(Path.Combine(Root, relative));

    public static bool Exists(string relative) => Path.Exists(Path.Combine(Root, relative));

    /// <summary>Paths from the root, parts joined by '/', of all files that belong to the project.</summary>
    public static IReadOnlyList<string> Files { get; } = List();

    /// <summary>C# sources under a folder.</summary>
    public static IEnumerable<string> Sources(string folder) =>
        Files.Where(f => f.StartsWith(folder + "/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal));

    private static List<string> List()
    {
        var files = Directory.GetFiles(Root).ToList();
        foreach (var folder in Folders.Select(f => Path.Combine(Root, f)).Where(Directory.Exists))
            AddBelow(folder, files);
        return [.. files.Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];
    }

    private static void AddBelow(string folder, List<string> files)
    {
        files.AddRange(Directory.GetFiles(folder));
        foreach (var inner in Directory.GetDirectories(folder).Where(d => !Outputs.Contains(Path.GetFileName(d), StringComparer.Ordinal)))
            AddBelow(inner, files);
    }

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException($"No Metering.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
