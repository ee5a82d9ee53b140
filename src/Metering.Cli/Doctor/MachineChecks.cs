using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Cli.Settings;
using Metering.ClickHouse.Embedded;

namespace Metering.Cli.Doctor;

/// <summary>What <c>up</c> needs of the machine itself.</summary>
internal static class MachineChecks
{
    private const long Gigabyte = 1L << 30;

    public static CheckResult DotNet() => Environment.Version.Major >= 10
        ? CheckResult.Ok("dotnet", $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.RuntimeIdentifier}")
        : CheckResult.Fail("dotnet", RuntimeInformation.FrameworkDescription, "install the .NET 10 SDK from https://dot.net");

    /// <summary>The embedded engine; needed by <c>up</c> unless a server is named.</summary>
    public static CheckResult Engine(MeteringSettings settings, string? named)
    {
        if (settings.ClickHouseUrl is not null)
            return CheckResult.Ok("engine", "not needed: ClickHouse is elsewhere");
        var path = named is { Length: > 0 } ? named : ChdbLibrary.TryFind() ?? Path.Combine(AppContext.BaseDirectory, "libchdb.so");
        if (File.Exists(path))
            return CheckResult.Ok("engine", string.Create(CultureInfo.InvariantCulture, $"{path} ({new FileInfo(path).Length >> 20} MB)"));
        return named is { Length: > 0 }
            ? CheckResult.Fail("engine", $"METERING_LIBCHDB names {named}, which is not there", "unset it and start ./metering up once, which fetches the engine")
            : CheckResult.Warn("engine", "libchdb has not been fetched", "start ./metering up once, which fetches it (npm is needed), or name a server by --clickhouse");
    }

    public static CheckResult Disk(MeteringSettings settings)
    {
        var directory = NearestExisting(settings.Run.DataDirectory);
        var drive = new DriveInfo(directory);
        var free = drive.AvailableFreeSpace;
        var detail = string.Create(CultureInfo.InvariantCulture, $"{free / (decimal)Gigabyte:0.0} GB free for {settings.Run.DataDirectory}");
        if (free < Gigabyte)
            return CheckResult.Fail("disk", detail, "free at least 1 GB, or name another directory by --data");
        return free < 5 * Gigabyte
            ? CheckResult.Warn("disk", detail, "free 5 GB or more before running for long")
            : CheckResult.Ok("disk", detail);
    }

    /// <summary>Writes and removes a file, since mounted folders often belong to somebody else.</summary>
    public static CheckResult DataDirectory(MeteringSettings settings)
    {
        var directory = NearestExisting(settings.Run.DataDirectory);
        try
        {
            var probe = Path.Combine(directory, Path.GetRandomFileName());
            using (File.Create(probe, 1, FileOptions.DeleteOnClose))
                return CheckResult.Ok("data directory", $"{settings.Run.DataDirectory} can be written");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return CheckResult.Fail("data directory", $"{settings.Run.DataDirectory} cannot be written ({e.Message})",
                "give this user the right to, or name another directory by --data");
        }
    }

    public static CheckResult Memory()
    {
        // Within a container this is the container's limit.
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var detail = string.Create(CultureInfo.InvariantCulture, $"{memory / (decimal)Gigabyte:0.0} GB, {Environment.ProcessorCount} cores");
        if (memory < Gigabyte)
            return CheckResult.Fail("memory", detail, "give it at least 1 GB: the embedded engine alone takes a quarter of that");
        return memory < 2 * Gigabyte
            ? CheckResult.Warn("memory", detail, "give it 2 GB or more")
            : CheckResult.Ok("memory", detail);
    }

    private static string NearestExisting(string path)
    {
        var directory = path;
        while (!Directory.Exists(directory))
            directory = Path.GetDirectoryName(directory) ?? Path.GetPathRoot(Path.GetFullPath(path))!;
        return directory;
    }
}
