using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Metering.Events;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Meter;

/// <summary>Makes dead letters: the original whole up to 1 MB, of a larger one its hash, length and first 64 KB (R15).</summary>
internal static class DeadLetters
{
    public const string Topic = "dead-letters";

    private const int MaxWholeBytes = 1 << 20;
    private const int MaxHeadBytes = 64 << 10;

    /// <summary>Headers of the original that are kept, in bytes: the topic takes 2 MB a record.</summary>
    private const int MaxHeaderBytes = 256 << 10;

    private const int BytesPerHeader = 16;

    private const int MaxKeyBytes = 64 << 10;

    /// <summary>A detail may quote a schema that somebody else wrote.</summary>
    private const int MaxDetailBytes = 2 << 10;

    public static DeadLetter Of(in InputRecord record, in EventFault fault, string topicPrefix)
    {
        var isWhole = record.Value.Length <= MaxWholeBytes;
        var letter = new DeadLetter
        {
            Topic = topicPrefix + MeterProcessor.InputTopic,
            Partition = record.Partition,
            Offset = record.Offset,
            ArrivedAtMicros = record.ArrivedAtMs * 1000,
            Reason = fault.Reason,
            Detail = CutDetail(fault.Detail),
            Key = record.Key.IsEmpty ? null : CutKey(record.Key).ToArray(),
            Value = (isWhole ? record.Value : record.Value[..MaxHeadBytes]).ToArray(),
            ValueLength = record.Value.Length,
            ValueSha256 = isWhole ? null : SHA256.HashData(record.Value),
        };
        var headerBytes = 0;
        foreach (var header in record.Headers)
        {
            headerBytes += BytesPerHeader + Encoding.UTF8.GetByteCount(header.Name) + header.Value.Length;
            if (headerBytes <= MaxHeaderBytes)
                letter.Headers.Add(new DeadLetterHeader { Name = header.Name, Value = header.Value.ToArray() });
        }
        return letter;
    }

    /// <summary>A letter's own key: the original's, as far as it is kept, for a key may fill a record by itself.</summary>
    public static ReadOnlySpan<byte> CutKey(ReadOnlySpan<byte> key) => key[..Math.Min(key.Length, MaxKeyBytes)];

    public static byte[] Encode(DeadLetter letter, int schemaId)
    {
        var output = new ArrayBufferWriter<byte>((letter.Value?.Length ?? 0) + 1024);
        WireFormat.Write(output, schemaId, letter);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The reason as it stands in the schema.</summary>
    public static string SymbolOf(DeadLetterReason reason) => reason.Symbol();

    /// <summary>By its bytes, so that what is not valid Unicode (a lone surrogate in a schema's name, a character cut in
    /// two) becomes a replacement character.</summary>
    private static string CutDetail(string detail)
    {
        var utf8 = Encoding.UTF8.GetBytes(detail);
        return Encoding.UTF8.GetString(utf8.AsSpan(0, Math.Min(utf8.Length, MaxDetailBytes)));
    }
}
