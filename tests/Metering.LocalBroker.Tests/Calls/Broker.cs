using System.Buffers.Binary;
using System.Text;
using Metering.Client.Spool;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Tests.Wire;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Calls;

/// <summary>Real rooms in a temporary directory, called without sockets, and requests and replies put together by hand.</summary>
internal sealed class Broker : IAsyncDisposable
{
    private readonly BrokerStore _store;
    private readonly LocalBrokerOptions _options;

    private Broker(BrokerStore store, LocalBrokerOptions options)
    {
        _store = store;
        _options = options;
        Calls = Client();
    }

    public InProcess Calls { get; }

    public BrokerState State => _store.State!;

    public static async Task<Broker> OpenAsync()
    {
        var options = new LocalBrokerOptions { Directory = Directory.CreateTempSubdirectory("broker-calls").FullName, Durability = Durability.Process };
        return new Broker(await BrokerStore.OpenAsync(options), options);
    }

    public InProcess Client(CancellationToken aborted = default) => new(() => _store.State, _options, aborted);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_options.Directory, recursive: true);
    }

    public void CreateTopic(string name, int partitions = 1)
    {
        lock (State.Gate)
            Assert.Equal(Outcome.Ok, State.Topics.Create(name, partitions, 1, [], validateOnly: false));
    }

    /// <summary>Makes a request's body in the form of its version, and walks through the response.</summary>
    public Task<Response> CallAsync(ApiKey key, short version, Action<ProtocolWriter> write) => CallAsync(Calls, key, version, write);

    public static async Task<Response> CallAsync(InProcess client, ApiKey key, short version, Action<ProtocolWriter> write)
    {
        var isFlexible = version >= CallTable.Find((short)key)!.FlexibleFrom;
        using var body = new ProtocolWriter(isFlexible);
        write(body);
        var bytes = await client.CallAsync(key, version, body.Complete()[4..].ToArray());
        if (bytes is not null)
            Assert.Equal(0, new ShapeReader(bytes).Walk(KafkaMessages.ResponseShape(key, version)));
        return new Response(bytes, isFlexible);
    }

    /// <summary>Produce v8 of one batch; the partition's error and base offset.</summary>
    public async Task<(ErrorCode Error, long BaseOffset)> ProduceAsync(string topic, byte[]? records, int partition = 0, short acks = -1, string? transactionalId = null)
    {
        var response = await CallAsync(ApiKey.Produce, 8, body => WriteProduce(body, topic, partition, records, acks, transactionalId));
        var read = response.Read();
        Assert.Equal(1, read.Array());
        Assert.Equal(topic, read.String());
        Assert.Equal(1, read.Array());
        Assert.Equal(partition, read.Int32());
        return ((ErrorCode)read.Int16(), read.Int64());
    }

    public static void WriteProduce(ProtocolWriter body, string topic, int partition, byte[]? records, short acks, string? transactionalId)
    {
        body.String(transactionalId);
        body.Int16(acks);
        body.Int32(1000);
        body.Array(1);
        body.String(topic);
        body.Array(1);
        body.Int32(partition);
        if (records is null)
            body.Array(-1);
        else
            body.Bytes(records);
    }

    /// <summary>A batch of magic 2 with one record.</summary>
    public static byte[] Batch(string value, long producerId = -1, short epoch = -1, int sequence = -1, bool isTransactional = false, long timestampMs = 1_700_000_000_000)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        byte[] record = [0, 0, 0, 1, (byte)(bytes.Length << 1), .. bytes, 0];
        byte[] batch = [.. new byte[61], (byte)(record.Length << 1), .. record];
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(8), batch.Length - 12);
        batch[16] = 2;
        batch[22] = isTransactional ? (byte)0x10 : (byte)0;
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(27), timestampMs);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(35), timestampMs);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(43), producerId);
        BinaryPrimitives.WriteInt16BigEndian(batch.AsSpan(51), epoch);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(53), sequence);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(57), 1);
        BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(17), Crc32C.Of(batch.AsSpan(21)));
        return batch;
    }
}

internal sealed record Response(byte[]? Bytes, bool IsFlexible)
{
    public ProtocolReader Read() => new(Bytes, IsFlexible);
}
