using System.Security.Cryptography;

namespace Metering.Cli.Replay;

/// <summary>A trace's bytes, uncompressed, that can be read more than once: a file, or standard input copied to a temporary one.</summary>
internal sealed class TraceContent : IDisposable
{
    private readonly string _path;
    private readonly bool _isTemporary;

    private TraceContent(string name, string path, bool isTemporary)
    {
        Name = name;
        _path = path;
        _isTemporary = isTemporary;
    }

    /// <summary>As the user named it; for messages.</summary>
    public string Name { get; }

    /// <exception cref="TraceException">There is no such file.</exception>
    public static TraceContent OfFile(string path) => System.IO.File.Exists(path)
        ? new TraceContent(path, path, isTemporary: false)
        : throw new TraceException(path, "there is no such file; give a trace's path, a ServeGen directory, or - for standard input");

    /// <summary>
    /// Copies standard input to a temporary file first: the epoch is a hash of the whole content, and the first event
    /// needs it.
    /// </summary>
    public static TraceContent OfStandardInput(Stream input)
    {
        var path = Path.GetTempFileName();
        var content = new TraceContent("standard input", path, isTemporary: true);
        try
        {
            using var file = System.IO.File.Create(path);
            input.CopyTo(file);
            return content;
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    /// <summary>The text from its beginning, unpacked when it starts as gzip does, whatever the file is called.</summary>
    public Stream OpenRead()
    {
        var stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read, 64 << 10, FileOptions.SequentialScan);
        var isGzip = stream.ReadByte() == 0x1F && stream.ReadByte() == 0x8B;
        stream.Position = 0;
        if (!isGzip)
            return stream;
        try
        {
            return new GzipText(stream);
        }
        catch (InvalidDataException e)
        {
            stream.Dispose();
            throw new TraceException(Name, $"the compressed data is damaged or cut off: {e.Message}");
        }
    }

    /// <summary>Its lines from the beginning.</summary>
    public LineReader ReadLines() => new(OpenRead(), Name);

    /// <summary>Adds the uncompressed text to a hash, so that a trace and its .gz are one and the same.</summary>
    public void AppendTo(IncrementalHash hash)
    {
        using var stream = OpenRead();
        var buffer = new byte[256 << 10];
        try
        {
            int read;
            while ((read = stream.Read(buffer, 0, buffer.Length)) > 0)
                hash.AppendData(buffer, 0, read);
        }
        catch (InvalidDataException e)
        {
            throw new TraceException(Name, $"the compressed data is damaged or cut off: {e.Message}");
        }
    }

    public void Dispose()
    {
        if (_isTemporary)
            System.IO.File.Delete(_path);
    }
}
