using System.Buffers.Binary;
using System.IO.Compression;

namespace Metering.Cli.Replay;

/// <summary>
/// A gzip file's text. .NET's stream takes a file that was cut off for one that ended, and a replay of half a trace
/// would look whole; so the length in the file's trailer is held against what came out.
/// </summary>
internal sealed class GzipText : Stream
{
    private readonly GZipStream _text;
    private readonly uint _expectedLength;
    private uint _length;

    /// <param name="packed">At its beginning; owned from here on.</param>
    /// <exception cref="InvalidDataException">It is too short to be gzip.</exception>
    public GzipText(FileStream packed)
    {
        const int Shortest = 18;
        if (packed.Length < Shortest)
            throw new InvalidDataException("it is shorter than any gzip file");
        Span<byte> trailer = stackalloc byte[sizeof(uint)];
        packed.Seek(-trailer.Length, SeekOrigin.End);
        packed.ReadExactly(trailer);
        packed.Position = 0;
        _expectedLength = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        _text = new GZipStream(packed, CompressionMode.Decompress);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = _text.Read(buffer);
        // The trailer's length is modulo 2^32, as this sum is.
        _length = unchecked(_length + (uint)read);
        if (read == 0 && !buffer.IsEmpty && _length != _expectedLength)
            throw new InvalidDataException("its text is not as long as its trailer says (if it was made of several .gz files, unpack it first: gunzip -c)");
        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _text.Dispose();
        base.Dispose(disposing);
    }
}
