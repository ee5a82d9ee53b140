using System.Buffers;
using System.IO.Compression;
using Snappier;
using ZstdSharp;

namespace Metering.LocalBroker.Log;

/// <summary>The codecs of record batches, as Kafka's clients write them: gzip, snappy (plain or in the frames of snappy-java), LZ4 frames, zstd.</summary>
internal static class Compression
{
    /// <summary>A batch that unpacks to more is taken for an attack.</summary>
    public const int MostBytes = 256 << 20;

    /// <returns>Null when it cannot be unpacked, or is too large.</returns>
    public static PlainRecords? Decompress(Codec codec, ReadOnlySpan<byte> packed)
    {
        try
        {
            return codec switch
            {
                Codec.Gzip => Gunzip(packed),
                Codec.Snappy => SnappyFrames.Decompress(packed),
                Codec.Lz4 => Lz4Frames.Decompress(packed),
                Codec.Zstd => Unzstd(packed),
                _ => PlainRecords.CopyOf(packed),
            };
        }
        catch (Exception failure) when (failure is InvalidDataException or ZstdException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            return null;
        }
    }

    public static PlainRecords Compress(Codec codec, ReadOnlySpan<byte> plain)
    {
        switch (codec)
        {
            case Codec.Gzip:
                PlainRecords packed = new(plain.Length / 2 + 64);
                using (var gzip = new GZipStream(packed.AsStream(), CompressionLevel.Fastest, leaveOpen: true))
                    gzip.Write(plain);
                return packed;
            case Codec.Snappy:
                return SnappyFrames.Compress(plain);
            case Codec.Lz4:
                return Lz4Frames.Compress(plain);
            case Codec.Zstd:
                using (Compressor zstd = new(1))
                {
                    PlainRecords frame = new(Compressor.GetCompressBound(plain.Length));
                    frame.Advance(zstd.Wrap(plain, frame.GetSpan(Compressor.GetCompressBound(plain.Length))));
                    return frame;
                }
            default:
                return PlainRecords.CopyOf(plain);
        }
    }

    private static unsafe PlainRecords Gunzip(ReadOnlySpan<byte> packed)
    {
        fixed (byte* start = packed)
        {
            using UnmanagedMemoryStream from = new(start, packed.Length);
            using GZipStream gzip = new(from, CompressionMode.Decompress);
            return ReadAll(gzip, packed.Length);
        }
    }

    private static unsafe PlainRecords Unzstd(ReadOnlySpan<byte> packed)
    {
        fixed (byte* start = packed)
        {
            // By stream: frames of streaming writers do not tell their size.
            using UnmanagedMemoryStream from = new(start, packed.Length);
            using DecompressionStream zstd = new(from);
            return ReadAll(zstd, packed.Length);
        }
    }

    private static PlainRecords ReadAll(Stream from, int packedBytes)
    {
        PlainRecords plain = new(Math.Max(256, Math.Min(packedBytes * 3, 1 << 20)));
        try
        {
            while (true)
            {
                var read = from.Read(plain.GetSpan(1));
                if (read == 0)
                    return plain;
                plain.Advance(read);
            }
        }
        catch
        {
            plain.Dispose();
            throw;
        }
    }
}

/// <summary>Bytes in rented memory that grows, up to a bound.</summary>
internal sealed class PlainRecords(int bytes) : IBufferWriter<byte>, IDisposable
{
    private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(bytes, 64));

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    public static PlainRecords CopyOf(ReadOnlySpan<byte> bytes)
    {
        PlainRecords copy = new(bytes.Length);
        copy.Write(bytes);
        return copy;
    }

    /// <exception cref="InvalidDataException">More than <see cref="Compression.MostBytes"/>.</exception>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsSpan(Length);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(Length);
    }

    public void Advance(int count) => Length += count;

    public void Clear() => Length = 0;

    public Stream AsStream() => new WriteStream(this);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _bytes, null) is { } bytes)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void Reserve(int more)
    {
        ObjectDisposedException.ThrowIf(_bytes is null, this);
        if (_bytes.Length - Length >= more)
            return;
        if ((long)Length + more > Compression.MostBytes)
            throw new InvalidDataException("the records unpack to more than a broker takes");
        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(Length + more, (int)Math.Min(Compression.MostBytes, 2L * _bytes.Length)));
        Span.CopyTo(grown);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = grown;
    }

    private sealed class WriteStream(PlainRecords to) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => to.Length;

        public override long Position { get => to.Length; set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer) => BuffersExtensions.Write(to, buffer);

        public override void Write(byte[] buffer, int offset, int count) => BuffersExtensions.Write(to, buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
