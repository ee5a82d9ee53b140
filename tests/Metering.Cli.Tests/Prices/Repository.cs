namespace Metering.Cli.Tests.Prices;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Metering.sln is in no folder above the tests");
    }
}
