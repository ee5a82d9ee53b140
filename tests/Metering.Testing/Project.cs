namespace Metering.Testing;

/// <summary>The checkout that the tests run from.</summary>
public static class Project
{
    /// <summary>A file of it, by the parts of its path.</summary>
    /// <exception cref="InvalidOperationException">The tests do not run from a checkout.</exception>
    public static string File(params ReadOnlySpan<string> path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
                return Path.Combine([folder.FullName, .. path]);
        }
        throw new InvalidOperationException($"No Metering.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
