using System.Runtime.InteropServices;
using Confluent.Kafka;
using Metering.Kafka.Tasks;

namespace Metering.Kafka.Native;

/// <summary>Copies a native message's headers.</summary>
internal static unsafe class NativeHeaders
{
    /// <summary>Empty when it has none.</summary>
    public static RecordHeader[] Read(Librdkafka.Message* message)
    {
        nint headers;
        if (Librdkafka.Headers(message, &headers) != ErrorCode.NoError)
            return [];
        var copies = new List<RecordHeader>();
        byte* name, value;
        nuint bytes;
        while (Librdkafka.Header(headers, (nuint)copies.Count, &name, &value, &bytes) == ErrorCode.NoError)
            copies.Add(new(Marshal.PtrToStringUTF8((nint)name) ?? "", new ReadOnlySpan<byte>(value, checked((int)bytes)).ToArray()));
        return [.. copies];
    }
}
