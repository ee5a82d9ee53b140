using Xunit;

namespace Metering.Testing;

/// <summary>A client library of npm, installed into the checkout's cache by one download, and a script that uses it.</summary>
public static class NpmClient
{
    private static readonly SemaphoreSlim Installing = new(1);

    /// <summary>Runs a script in the folder of its client; what it printed. A machine without node or the client skips the test.</summary>
    public static async Task<string> RunAsync(string package, string version, string scriptName, string script, params string[] arguments)
    {
        var folder = await InstalledAsync(package, version);
        // Its own file: the same test runs on another broker at the same time.
        var path = Path.Combine(folder, $"{Guid.NewGuid():N}-{scriptName}");
        await File.WriteAllTextAsync(path, script);
        try
        {
            return await Programs.RunAsync(Programs.OnPath("node")!, "", [path, .. arguments], folder);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<string> InstalledAsync(string package, string version)
    {
        var npm = Programs.OnPath("npm");
        Assert.SkipWhen(npm is null || Programs.OnPath("node") is null, "skipped: node and npm are not here");
        var folder = Path.Combine(CacheFolder(), $"{package.TrimStart('@').Replace('/', '-')}-{version}");
        var installed = Path.Combine(folder, "node_modules", package);
        await Installing.WaitAsync();
        try
        {
            if (!Directory.Exists(installed))
            {
                Directory.CreateDirectory(folder);
                await Programs.RunAsync(npm!, "", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--silent", $"{package}@{version}"], folder, mustSucceed: false);
            }
        }
        finally
        {
            Installing.Release();
        }
        Assert.SkipUnless(Directory.Exists(installed), $"skipped: npm could not install {package} (no network?)");
        return folder;
    }

    private static string CacheFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
                return Path.Combine(folder.FullName, ".cache");
        }
        return Path.Combine(Path.GetTempPath(), "metering-cache");
    }
}
