namespace Metering.Testing;

/// <summary>The folder beside the checkout with a real Kafka, a real registry and real data; tests skip without it.</summary>
public static class SharedFolder
{
    /// <summary>Its path, from METERING_SHARED or <c>../shared</c> beside the checkout; null when there is none.</summary>
    public static string? Root { get; } = Find();

    /// <summary>A file or folder in it, or null.</summary>
    public static string? TryPath(string relative)
    {
        if (Root is null)
            return null;
        var path = Path.Combine(Root, relative);
        return Path.Exists(path) ? path : null;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("METERING_SHARED") is { Length: > 0 } named)
            return Directory.Exists(named) ? Path.GetFullPath(named) : null;
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
                continue;
            var beside = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared"));
            return Directory.Exists(beside) ? beside : null;
        }
        return null;
    }
}
