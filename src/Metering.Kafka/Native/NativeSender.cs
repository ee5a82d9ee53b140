using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;
using Metering.Kafka.Tasks;

namespace Metering.Kafka.Native;

/// <summary>
/// Produces from memory of the caller's, which the client copies within the call: Confluent.Kafka's Produce wants arrays of its
/// own, which cost as much garbage as there is output. No delivery report is asked for: a record that is not delivered
/// fails its transaction. Single-threaded.
/// </summary>
internal sealed unsafe class NativeSender : IDisposable
{
    private const int CopyPayload = 2;
    private const int MostHeaders = 16;

    private readonly SafeHandle _handle;
    // Names as the client wants them: UTF-8, ended by a zero, at a place that stays.
    private readonly Dictionary<string, byte[]> _names = new(StringComparer.Ordinal);
    private readonly MemoryHandle[] _pins = new MemoryHandle[MostHeaders];
    private bool _disposed;

    public NativeSender(IClient producer)
    {
        _handle = Librdkafka.HandleOf(producer);
        var held = false;
        _handle.DangerousAddRef(ref held);
    }

    /// <param name="partition">-1: by the producer's partitioner.</param>
    /// <param name="key">Empty: none.</param>
    /// <param name="isTombstone">The value is null, not empty.</param>
    /// <exception cref="KafkaException">The client did not take it; <see cref="ErrorCode.Local_QueueFull"/>: not now.</exception>
    /// <exception cref="ArgumentException">More headers than any record of ours has.</exception>
    public void Send(string topic, int partition, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isTombstone, IReadOnlyList<RecordHeader>? headers)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var headerCount = headers?.Count ?? 0;
        if (headerCount > MostHeaders)
            throw new ArgumentException($"{headerCount} headers; at most {MostHeaders} are sent.", nameof(headers));
        byte nothing = 0;
        var fields = stackalloc Librdkafka.Field[5 + MostHeaders];
        var count = 0;
        fixed (byte* keyAt = key, valueAt = value)
        {
            fields[count++] = new() { Type = Librdkafka.FieldType.Topic, Pointer = Name(topic) };
            fields[count++] = new() { Type = Librdkafka.FieldType.Partition, Number = partition };
            fields[count++] = new() { Type = Librdkafka.FieldType.MessageFlags, Number = CopyPayload };
            if (!key.IsEmpty)
                fields[count++] = new() { Type = Librdkafka.FieldType.Key, Pointer = keyAt, Bytes = (nuint)key.Length };
            fields[count++] = new() { Type = Librdkafka.FieldType.Value, Pointer = isTombstone ? null : value.IsEmpty ? &nothing : valueAt, Bytes = (nuint)value.Length };
            for (var i = 0; i < headerCount; i++)
            {
                var header = headers![i];
                _pins[i] = header.Value.Pin();
                fields[count++] = new() { Type = Librdkafka.FieldType.Header, Pointer = Name(header.Name), Second = _pins[i].Pointer, Third = header.Value.Length };
            }
            var error = Librdkafka.Produce(_handle.DangerousGetHandle(), fields, (nuint)count);
            for (var i = 0; i < headerCount; i++)
                _pins[i].Dispose();
            if (error != 0)
                throw ToException(error, topic);
        }
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _handle.DangerousRelease();
    }

    private byte* Name(string name)
    {
        if (!_names.TryGetValue(name, out var utf8))
        {
            utf8 = GC.AllocateArray<byte>(Encoding.UTF8.GetByteCount(name) + 1, pinned: true);
            Encoding.UTF8.GetBytes(name, utf8);
            _names.Add(name, utf8);
        }
        return (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(utf8, 0);
    }

    private static KafkaException ToException(nint error, string topic)
    {
        var code = Librdkafka.CodeOf(error);
        var text = Marshal.PtrToStringUTF8((nint)Librdkafka.TextOf(error)) ?? "";
        Librdkafka.DestroyError(error);
        return new KafkaException(new Error(code, $"a record for {topic} was not taken: {text}", code == ErrorCode.Local_Fatal));
    }
}
