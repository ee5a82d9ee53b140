using System.Reflection;
using System.Runtime.InteropServices;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// Finds libchdb: METERING_LIBCHDB, else <c>.cache/native</c> of the checkout that the program lies in, else beside
/// the program.
/// </summary>
public static class ChdbLibrary
{
    public const string PathVariable = "METERING_LIBCHDB";

    private static readonly string FileName = OperatingSystem.IsMacOS() ? "libchdb.dylib" : "libchdb.so";
    private static int _installed;

    /// <summary>The library's path, or null when there is none.</summary>
    public static string? TryFind()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } named)
            return File.Exists(named) ? Path.GetFullPath(named) : null;
        var beside = Path.Combine(AppContext.BaseDirectory, FileName);
        return FindInCache() ?? (File.Exists(beside) ? beside : null);
    }

    /// <summary>The library's path.</summary>
    /// <exception cref="LedgerException">There is none; the message names the fix.</exception>
    public static string Find()
    {
        if (TryFind() is { } path)
            return path;
        var named = Environment.GetEnvironmentVariable(PathVariable);
        throw new LedgerException(named is { Length: > 0 }
            ? $"{PathVariable} is {named}, and no such file exists: correct it, or unset it and run ./metering doctor to fetch the embedded ClickHouse."
            : $"The embedded ClickHouse ({FileName}) is not on this machine: run ./metering doctor to fetch it, or name it in {PathVariable}.");
    }

    internal static void InstallResolver()
    {
        if (Interlocked.Exchange(ref _installed, 1) == 0)
            NativeLibrary.SetDllImportResolver(typeof(ChdbLibrary).Assembly, Resolve);
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        string.Equals(name, Chdb.Library, StringComparison.Ordinal) ? NativeLibrary.Load(Find()) : 0;

    private static string? FindInCache()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
                continue;
            var cache = Path.Combine(folder.FullName, ".cache", "native");
            // Several versions may lie there; the newest name wins, so that the choice does not depend on the file system.
            return Directory.Exists(cache)
                ? Directory.EnumerateFiles(cache, FileName, SearchOption.AllDirectories).Max(StringComparer.Ordinal)
                : null;
        }
        return null;
    }
}
