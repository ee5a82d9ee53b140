using System.Diagnostics;

namespace Metering.Benchmarks.Broker;

/// <summary>What this disk takes to make a small write safe.</summary>
internal static class DiskSync
{
    private const int Writes = 200;

    /// <summary>4 KB over what was there, then to the disk: no allocation, as a journal does it.</summary>
    public static double MedianMs(string folder)
    {
        var path = Path.Combine(Path.GetDirectoryName(folder)!, Path.GetFileName(folder) + ".fsync");
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        var block = new byte[4096];
        for (var i = 0; i < Writes; i++)
            RandomAccess.Write(file, block, i * block.Length);
        RandomAccess.FlushToDisk(file);
        return Rounds.Median(Enumerable.Range(0, Writes).Select(i =>
        {
            var start = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, block, i * block.Length);
            RandomAccess.FlushToDisk(file);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }));
    }
}
