using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace Metering.Kafka.Native;

/// <summary>
/// The few calls of librdkafka that Confluent.Kafka does not offer, on the very library that Confluent.Kafka loaded:
/// it chooses among several builds, and a second copy would not know its handles.
/// </summary>
internal static unsafe partial class Librdkafka
{
    private const string Library = "librdkafka";

    static Librdkafka() => NativeLibrary.SetDllImportResolver(typeof(Librdkafka).Assembly, Resolve);

    /// <summary>rd_kafka_topic_partition_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TopicPartitionEntry
    {
        public nint Topic;
        public int Partition;
        public long Offset;
        public byte* Metadata;
        public nuint MetadataBytes;
        public nint Opaque;
        public ErrorCode Error;
        public nint Private;
    }

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_new")]
    internal static partial nint NewList(int size);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_add", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial TopicPartitionEntry* Add(nint list, string topic, int partition);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_partition_list_destroy")]
    internal static partial void DestroyList(nint list);

    [LibraryImport(Library, EntryPoint = "rd_kafka_commit")]
    internal static partial ErrorCode Commit(nint handle, nint list, int isAsync);

    [LibraryImport(Library, EntryPoint = "rd_kafka_committed")]
    internal static partial ErrorCode Committed(nint handle, nint list, int timeoutMs);

    /// <summary>rd_kafka_message_t. <see cref="MessageLayout"/> holds it against Confluent.Kafka's own copy.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Message
    {
        public ErrorCode Error;
        public nint Topic;
        public int Partition;
        public byte* Value;
        public nuint ValueBytes;
        public byte* Key;
        public nuint KeyBytes;
        public long Offset;
        public nint Private;
    }

    /// <summary>rd_kafka_vtype_t.</summary>
    internal enum FieldType
    {
        Topic = 1,
        Partition = 3,
        Value = 4,
        Key = 5,
        MessageFlags = 7,
        Header = 9,
    }

    /// <summary>rd_kafka_vu_t: a type, and a union of 64 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 72)]
    internal struct Field
    {
        [FieldOffset(0)]
        public FieldType Type;

        [FieldOffset(8)]
        public int Number;

        [FieldOffset(8)]
        public void* Pointer;

        [FieldOffset(16)]
        public nuint Bytes;

        /// <summary>Of a header: its value, behind its name.</summary>
        [FieldOffset(16)]
        public void* Second;

        [FieldOffset(24)]
        public nint Third;
    }

    /// <summary>0, or an error to be destroyed.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_produceva")]
    internal static partial nint Produce(nint handle, Field* fields, nuint count);

    [LibraryImport(Library, EntryPoint = "rd_kafka_error_code")]
    internal static partial ErrorCode CodeOf(nint error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_error_string")]
    internal static partial byte* TextOf(nint error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_error_destroy")]
    internal static partial void DestroyError(nint error);

    [LibraryImport(Library, EntryPoint = "rd_kafka_queue_get_consumer")]
    internal static partial nint ConsumerQueue(nint handle);

    [LibraryImport(Library, EntryPoint = "rd_kafka_queue_destroy")]
    internal static partial void DestroyQueue(nint queue);

    /// <summary>Fills <paramref name="messages"/> with what is at hand and serves the group's callbacks on the way. It waits the whole
    /// time-out for a batch to become full: 0 takes what is there. -1: <see cref="LastError"/>.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_consume_batch_queue")]
    internal static partial nint ConsumeBatch(nint queue, int timeoutMs, Message** messages, nuint size);

    [LibraryImport(Library, EntryPoint = "rd_kafka_last_error")]
    internal static partial ErrorCode LastError();

    [LibraryImport(Library, EntryPoint = "rd_kafka_message_destroy")]
    internal static partial void Destroy(Message* message);

    // Reads two fields: cheaper than the transition that a call to the outside costs otherwise.
    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "rd_kafka_message_timestamp")]
    internal static partial long Timestamp(Message* message, int* type);

    [LibraryImport(Library, EntryPoint = "rd_kafka_message_errstr")]
    internal static partial byte* ErrorText(Message* message);

    [LibraryImport(Library, EntryPoint = "rd_kafka_message_headers")]
    internal static partial ErrorCode Headers(Message* message, nint* headers);

    [LibraryImport(Library, EntryPoint = "rd_kafka_header_get_all")]
    internal static partial ErrorCode Header(nint headers, nuint index, byte** name, byte** value, nuint* valueBytes);

    /// <summary>The client's own handle; the caller keeps it alive by <see cref="SafeHandle.DangerousAddRef"/>.</summary>
    internal static SafeHandle HandleOf(IClient client) => (SafeHandle)InternalHandle(client.Handle);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_LibrdkafkaHandle")]
    [return: UnsafeAccessorType("Confluent.Kafka.Impl.SafeKafkaHandle, Confluent.Kafka")]
    private static extern object InternalHandle(Handle handle);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library)
            return 0;
        using var process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
        {
            // librdkafka.so, centos8-librdkafka.so, alpine-librdkafka.so, librdkafka.dylib, librdkafka.dll
            if (module.ModuleName.Contains(Library, StringComparison.OrdinalIgnoreCase))
                return NativeLibrary.Load(module.FileName);
        }
        throw new DllNotFoundException("librdkafka is not loaded: make a Confluent.Kafka client first.");
    }
}
