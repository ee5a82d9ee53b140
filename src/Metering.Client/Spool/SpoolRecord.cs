using System.Buffers.Binary;

namespace Metering.Client.Spool;

/// <summary>What a record of the spool tells. Numbers on disk: never reuse one.</summary>
internal enum SpoolRecordKind : byte
{
    /// <summary>A finished event, to be published.</summary>
    Event = 1,

    /// <summary>A gateway has forwarded a request: kept so that a crash turns it into an event with status cut (R4).</summary>
    Opened = 2,

    /// <summary>How far a long stream has come (R4).</summary>
    Progress = 3,

    /// <summary>An event whose request was opened before: it is published like any other, and ends the request (<see cref="RequestRecord"/>).</summary>
    ClosingEvent = 4,

    /// <summary>Ends the copies of open requests with which a segment may begin: they are all.</summary>
    Carried = 5,
}

/// <summary>A record's head. Sums are absolute over the run, so that the last record alone tells them after a crash (R6).</summary>
/// <param name="Sequence">An event's own; in front of the next event, the last one's.</param>
internal readonly record struct SpoolRecordHead(
    SpoolRecordKind Kind, long Sequence, long AppendedAtMicros, long InputTokensSum, long OutputTokensSum)
{
    /// <summary>It is to be published.</summary>
    public bool IsEvent => Kind is SpoolRecordKind.Event or SpoolRecordKind.ClosingEvent;

    /// <summary>Bytes of its payload that are not the event's.</summary>
    public int TrailerBytes => Kind == SpoolRecordKind.ClosingEvent ? RequestRecord.TrailerBytes : 0;
}

internal enum SpoolRecordState
{
    Whole,

    /// <summary>Its end is not within the bytes given.</summary>
    Incomplete,

    Bad,
}

/// <summary>
/// A record's bytes: CRC-32C (4), payload length (4), kind (1), zero (3), sequence (8), append time (8), input sum (8),
/// output sum (8), payload; little-endian. The checksum begins with the segment's number, so that a block which the disk
/// put into another segment is not taken for a record of this one.
/// </summary>
internal static class SpoolRecord
{
    public const int HeadBytes = 44;

    /// <summary>Larger than any event that passes the publisher's rules; a length above it is damage.</summary>
    public const int MaxPayloadBytes = 1 << 20;

    /// <summary>Writes the head in front of a payload that is already in its place.</summary>
    public static void Seal(Span<byte> record, long segment, in SpoolRecordHead head)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], record.Length - HeadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], (byte)head.Kind);
        BinaryPrimitives.WriteInt64LittleEndian(record[12..], head.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(record[20..], head.AppendedAtMicros);
        BinaryPrimitives.WriteInt64LittleEndian(record[28..], head.InputTokensSum);
        BinaryPrimitives.WriteInt64LittleEndian(record[36..], head.OutputTokensSum);
        BinaryPrimitives.WriteUInt32LittleEndian(record, Checksum(record, segment));
    }

    /// <param name="bytes">From the record's first byte on.</param>
    /// <param name="recordBytes">Its whole length, when <see cref="SpoolRecordState.Whole"/>.</param>
    public static SpoolRecordState Read(ReadOnlySpan<byte> bytes, long segment, out SpoolRecordHead head, out int recordBytes)
    {
        head = default;
        recordBytes = 0;
        if (bytes.Length < HeadBytes)
            return SpoolRecordState.Incomplete;
        var payloadBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        var kind = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        var sequence = BinaryPrimitives.ReadInt64LittleEndian(bytes[12..]);
        if (payloadBytes is < 0 or > MaxPayloadBytes || kind is 0 or > byte.MaxValue || sequence < 0)
            return SpoolRecordState.Bad;
        if (bytes.Length < HeadBytes + payloadBytes)
            return SpoolRecordState.Incomplete;
        var record = bytes[..(HeadBytes + payloadBytes)];
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != Checksum(record, segment))
            return SpoolRecordState.Bad;
        head = new SpoolRecordHead((SpoolRecordKind)kind, sequence,
            BinaryPrimitives.ReadInt64LittleEndian(record[20..]),
            BinaryPrimitives.ReadInt64LittleEndian(record[28..]),
            BinaryPrimitives.ReadInt64LittleEndian(record[36..]));
        recordBytes = record.Length;
        return SpoolRecordState.Whole;
    }

    /// <summary>The first offset after <paramref name="from"/> at which a whole record begins, or -1: what is left after damage.</summary>
    public static int FindNext(ReadOnlySpan<byte> bytes, int from, long segment)
    {
        for (var offset = from + 1; offset <= bytes.Length - HeadBytes; offset++)
        {
            if (Read(bytes[offset..], segment, out _, out _) == SpoolRecordState.Whole)
                return offset;
        }
        return -1;
    }

    private static uint Checksum(ReadOnlySpan<byte> record, long segment) =>
        ~Crc32C.Append(System.Numerics.BitOperations.Crc32C(uint.MaxValue, (ulong)segment), record[4..]);
}
