using System.Buffers;
using System.Security.Cryptography;
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

    private const int MaxKeyBytes = 64 << 10;

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
            Detail = fault.Detail,
            Key = record.Key.IsEmpty ? null : record.Key[..Math.Min(record.Key.Length, MaxKeyBytes)].ToArray(),
            Value = (isWhole ? record.Value : record.Value[..MaxHeadBytes]).ToArray(),
            ValueLength = record.Value.Length,
            ValueSha256 = isWhole ? null : SHA256.HashData(record.Value),
        };
        var headerBytes = 0;
        foreach (var header in record.Headers)
        {
            headerBytes += header.Name.Length + header.Value.Length;
            if (headerBytes <= MaxHeaderBytes)
                letter.Headers.Add(new DeadLetterHeader { Name = header.Name, Value = header.Value.ToArray() });
        }
        return letter;
    }

    public static byte[] Encode(DeadLetter letter, int schemaId)
    {
        var output = new ArrayBufferWriter<byte>((letter.Value?.Length ?? 0) + 1024);
        WireFormat.Write(output, schemaId, letter);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The reason as it stands in the schema.</summary>
    public static string SymbolOf(DeadLetterReason reason) => reason.Symbol();
}
