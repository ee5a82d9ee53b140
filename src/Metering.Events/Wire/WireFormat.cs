using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Events;

/// <summary>Confluent's wire format: a zero byte, the schema's id in four bytes, big-endian, then the Avro body.</summary>
public static class WireFormat
{
    /// <summary>Bytes before the body.</summary>
    public const int HeaderBytes = 5;

    /// <summary>
    /// Splits a record's value. False if it is shorter than a header or begins with another byte than 0.
    /// The id is as the record says: one below 1 names no schema (R16), which is the caller's to judge.
    /// </summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> value, out int schemaId, out ReadOnlySpan<byte> body)
    {
        if (value.Length < HeaderBytes || value[0] != 0)
        {
            schemaId = 0;
            body = default;
            return false;
        }
        schemaId = BinaryPrimitives.ReadInt32BigEndian(value[1..]);
        body = value[HeaderBytes..];
        return true;
    }

    /// <summary>Writes a header into the first five bytes of <paramref name="destination"/>.</summary>
    public static void WriteHeader(Span<byte> destination, int schemaId)
    {
        destination[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(destination[1..], schemaId);
    }

    /// <summary>Appends a header and a record's body to <paramref name="output"/>.</summary>
    public static void Write<T>(IBufferWriter<byte> output, int schemaId, T record)
        where T : IAvroRecord
    {
        WriteHeader(output.GetSpan(HeaderBytes), schemaId);
        output.Advance(HeaderBytes);
        var writer = new AvroWriter(output);
        record.WriteTo(ref writer);
        writer.Flush();
    }
}
