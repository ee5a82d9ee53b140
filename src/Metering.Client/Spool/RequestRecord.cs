using System.Buffers.Binary;

namespace Metering.Client.Spool;

/// <summary>
/// The payloads of a request's records, little-endian. Opened: number (8), its draft's schema (8, 0 = the segment's), reserved input
/// and output tokens (8 + 8), the draft event in Avro. Progress: number, input and output tokens (8 each). An event that closes a
/// request bears its number behind its Avro body (8): event and end are one record, so that no crash comes between them.
/// </summary>
internal static class RequestRecord
{
    public const int OpenedBytes = 32;
    public const int ProgressBytes = 24;
    public const int TrailerBytes = 8;

    public static void WriteOpened(Span<byte> to, long number, RequestReservation reservation)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, number);
        WriteSchema(to, 0);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], reservation.InputTokens);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], reservation.OutputTokens);
    }

    public static void WriteSchema(Span<byte> opened, ulong schema) => BinaryPrimitives.WriteUInt64LittleEndian(opened[8..], schema);

    public static (long Number, ulong Schema, RequestReservation Reservation) ReadOpened(ReadOnlySpan<byte> from) =>
        (BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
            new RequestReservation(BinaryPrimitives.ReadInt64LittleEndian(from[16..]), BinaryPrimitives.ReadInt64LittleEndian(from[24..])));

    public static void WriteProgress(Span<byte> to, long number, long inputTokens, long outputTokens)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, number);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], inputTokens);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], outputTokens);
    }

    public static (long Number, long InputTokens, long OutputTokens) ReadProgress(ReadOnlySpan<byte> from) =>
        (BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadInt64LittleEndian(from[16..]));
}
