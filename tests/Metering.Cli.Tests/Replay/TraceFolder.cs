using System.IO.Compression;
using System.Text;
using Metering.Cli.Replay;

namespace Metering.Cli.Tests.Replay;

/// <summary>Traces written for one test, in a folder that goes with it.</summary>
internal sealed class TraceFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("metering-replay-").FullName;

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public static byte[] Gzip(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Short forms for reading whole traces.</summary>
internal static class Traces
{
    public static List<TraceEvent> All(string path, TraceOptions? options = null)
    {
        using var reader = TraceReader.Open(path, options ?? new TraceOptions());
        return [.. reader.ReadAll()];
    }

    public static TraceException Fails(string path, TraceOptions? options = null) => Assert.Throws<TraceException>(() => All(path, options));
}
