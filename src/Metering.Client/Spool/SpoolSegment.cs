using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Metering.Client.Spool;

/// <summary>What a segment's header holds: whose events, from which sequence on, and the run's sums before its first record.</summary>
internal sealed record SegmentHeader(
    long Number, long Epoch, long FirstSequence, long InputTokensBefore, long OutputTokensBefore, ulong Schema, long CreatedAtMicros);

/// <summary>
/// One file of the spool: a header (twice, so that one bad sector does not take the whole segment), then records of one
/// run. The appender publishes <see cref="Length"/> after each write and <see cref="Next"/> once it has sealed the segment;
/// a reader on another thread sees only whole records.
/// </summary>
internal sealed class SpoolSegment(string path, SegmentHeader header, long length)
{
    public const int DataStart = 512;
    private const int HeaderBytes = 68;
    private const int CopyAt = 256;
    private const ulong Magic = 0x0A31_4C50_5352_544D; // "MTRSPL1\n"
    private long _length = length;
    private SpoolSegment? _next;

    public string Path { get; } = path;

    public SegmentHeader Header { get; } = header;

    public long Number => Header.Number;

    /// <summary>Bytes of whole records, header included. Written by the appender only.</summary>
    public long Length
    {
        get => Volatile.Read(ref _length);
        set => Volatile.Write(ref _length, value);
    }

    /// <summary>Null while this segment takes appends. Once set, <see cref="Length"/> stays.</summary>
    public SpoolSegment? Next
    {
        get => Volatile.Read(ref _next);
        set => Volatile.Write(ref _next, value);
    }

    /// <summary>Of the last segment of a former run: its last record's sequence. Else unknown (0).</summary>
    public long LastSequence { get; set; }

    public static string FileName(long number) => number.ToString("D16", CultureInfo.InvariantCulture) + ".wal";

    public SafeFileHandle OpenForRead() => File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>Creates the file. Leaves none behind when it fails.</summary>
    public static (SpoolSegment Segment, SafeFileHandle Handle) Create(string folder, SegmentHeader header)
    {
        var path = System.IO.Path.Combine(folder, FileName(header.Number));
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            Span<byte> start = stackalloc byte[DataStart];
            start.Clear();
            WriteHeader(start, header);
            WriteHeader(start[CopyAt..], header);
            RandomAccess.Write(handle, start, 0);
            return (new SpoolSegment(path, header, DataStart), handle);
        }
        catch
        {
            handle.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <summary>The header, or null when neither copy is whole.</summary>
    public static SegmentHeader? ReadHeader(ReadOnlySpan<byte> file, long number) =>
        ReadCopy(file, number) ?? (file.Length > CopyAt ? ReadCopy(file[CopyAt..], number) : null);

    private static void WriteHeader(Span<byte> to, SegmentHeader header)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], header.Number);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], header.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], header.FirstSequence);
        BinaryPrimitives.WriteInt64LittleEndian(to[32..], header.InputTokensBefore);
        BinaryPrimitives.WriteInt64LittleEndian(to[40..], header.OutputTokensBefore);
        BinaryPrimitives.WriteUInt64LittleEndian(to[48..], header.Schema);
        BinaryPrimitives.WriteInt64LittleEndian(to[56..], header.CreatedAtMicros);
        BinaryPrimitives.WriteUInt32LittleEndian(to[64..], Crc32C.Of(to[..64]));
    }

    private static SegmentHeader? ReadCopy(ReadOnlySpan<byte> from, long number)
    {
        if (from.Length < HeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(from) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(from[64..]) != Crc32C.Of(from[..64])
            || BinaryPrimitives.ReadInt64LittleEndian(from[8..]) != number)
            return null;
        return new SegmentHeader(number,
            BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[40..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[48..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[56..]));
    }
}
