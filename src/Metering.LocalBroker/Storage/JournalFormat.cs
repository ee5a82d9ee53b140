using System.Buffers.Binary;
using Metering.Client.Spool;

namespace Metering.LocalBroker.Storage;

/// <summary>A place in the journal: behind a record, with the checksum of all that came before it in this start's journal.</summary>
internal readonly record struct JournalPosition(long Sequence, long Offset, uint Chain);

/// <summary>
/// How the journal lies on disk. A file begins with a header (64 bytes) that has its place in the sequence of files; then
/// come records: length of the payload, kind, entry number, checksum (20 bytes), payload. The checksum goes on from the
/// previous record's, across files: what an earlier use of a recycled file left behind never fits.
/// </summary>
internal static class JournalFormat
{
    public const int FileHeaderBytes = 64;
    public const int RecordHeaderBytes = 20;
    private const int CrcOffset = 16;

    private static ReadOnlySpan<byte> Magic => "MtrJrnl1"u8;

    public static void WriteFileHeader(Span<byte> to, long sequence, uint chain, bool synced)
    {
        to[..FileHeaderBytes].Clear();
        Magic.CopyTo(to);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(to[16..], chain);
        to[20] = synced ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(to[60..], Crc32C.Of(to[..60]));
    }

    /// <returns>Null when there is no whole header of a file in use.</returns>
    public static (long Sequence, uint Chain, bool Synced)? ReadFileHeader(ReadOnlySpan<byte> from) =>
        from.Length >= FileHeaderBytes && from.StartsWith(Magic) && BinaryPrimitives.ReadUInt32LittleEndian(from[60..]) == Crc32C.Of(from[..60])
            ? (BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadUInt32LittleEndian(from[16..]), from[20] == 1)
            : null;

    public static void WriteRecordHeader(Span<byte> record, EntryKind kind, long entry, int payloadBytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record, payloadBytes);
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], (int)kind);
        BinaryPrimitives.WriteInt64LittleEndian(record[8..], entry);
    }

    /// <summary>Continues the chain of checksums through a run of whole records, and writes each record's.</summary>
    public static uint Seal(Span<byte> records, uint chain)
    {
        while (!records.IsEmpty)
        {
            var length = RecordHeaderBytes + BinaryPrimitives.ReadInt32LittleEndian(records);
            chain = Checksum(records[..length], chain);
            BinaryPrimitives.WriteUInt32LittleEndian(records[CrcOffset..], chain);
            records = records[length..];
        }
        return chain;
    }

    /// <returns>False when no valid record begins here.</returns>
    public static bool TryReadRecord(
        ReadOnlySpan<byte> from, uint chain, long entry, out EntryKind kind, out ReadOnlySpan<byte> payload, out uint newChain)
    {
        kind = default;
        payload = default;
        newChain = chain;
        if (from.Length < RecordHeaderBytes)
            return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(from);
        if (length < 0 || length > from.Length - RecordHeaderBytes || BinaryPrimitives.ReadInt64LittleEndian(from[8..]) != entry)
            return false;
        newChain = Checksum(from[..(RecordHeaderBytes + length)], chain);
        if (newChain != BinaryPrimitives.ReadUInt32LittleEndian(from[CrcOffset..]))
            return false;
        kind = (EntryKind)from[4];
        payload = from.Slice(RecordHeaderBytes, length);
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> record, uint chain) =>
        Crc32C.Append(Crc32C.Append(chain, record[..CrcOffset]), record[RecordHeaderBytes..]);
}
