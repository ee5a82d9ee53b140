using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Wire;

/// <summary>Replies wait for their entries, and keep their order.</summary>
public sealed class ReplyQueueTests : IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(20));
    private readonly Socket _broker;
    private readonly Socket _client;

    public ReplyQueueTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _client.Connect(listener.LocalEndPoint!);
        _broker = listener.Accept();
    }

    public void Dispose()
    {
        _client.Dispose();
        _broker.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task Reply_waits_until_its_entry_is_durable_and_those_behind_it_wait_too()
    {
        var journal = new HeldJournal();
        var queue = new ReplyQueue(_broker);
        var sending = queue.SendAllAsync(CancellationToken.None);
        await queue.AddAsync(Reply(1, journal, 10), _deadline.Token);
        await queue.AddAsync(Reply(2, null, 0), _deadline.Token);
        await journal.Asked.Task.WaitAsync(_deadline.Token);
        Assert.Equal(0, _client.Available);
        journal.Durable.SetResult();
        Assert.Equal((1, ErrorCode.None), await ReceiveAsync());
        Assert.Equal((2, ErrorCode.None), await ReceiveAsync());
        queue.Complete();
        await sending;
    }

    [Fact]
    public async Task Reply_whose_entry_is_lost_becomes_an_error()
    {
        var journal = new HeldJournal();
        var queue = new ReplyQueue(_broker);
        var sending = queue.SendAllAsync(CancellationToken.None);
        await queue.AddAsync(Reply(1, journal, 10), _deadline.Token);
        journal.Durable.SetException(new JournalFailedException("no disk", null));
        Assert.Equal((1, ErrorCode.KafkaStorageError), await ReceiveAsync());
        queue.Complete();
        await sending;
    }

    [Fact]
    public async Task Adding_waits_when_too_many_replies_wait()
    {
        var journal = new HeldJournal();
        var queue = new ReplyQueue(_broker);
        var sending = queue.SendAllAsync(CancellationToken.None);
        var adding = Task.Run(async () =>
        {
            for (var i = 0; i < 1000; i++)
                await queue.AddAsync(Reply(i, journal, 10), _deadline.Token);
        });
        await journal.Asked.Task.WaitAsync(_deadline.Token);
        Assert.False(adding.IsCompleted);
        journal.Durable.SetResult();
        for (var i = 0; i < 1000; i++)
            Assert.Equal((i, ErrorCode.None), await ReceiveAsync());
        await adding;
        queue.Complete();
        await sending;
    }

    private static Reply Reply(int number, IJournal? journal, long entry)
    {
        var response = new ProtocolWriter(flexible: false);
        response.Int32(number);
        response.Error(ErrorCode.None, ErrorCode.KafkaStorageError);
        return new Reply(response, journal, entry, CloseAfterwards: false);
    }

    private async Task<(int Number, ErrorCode Error)> ReceiveAsync()
    {
        var bytes = new byte[10];
        for (var read = 0; read < bytes.Length;)
            read += await _client.ReceiveAsync(bytes.AsMemory(read), SocketFlags.None, _deadline.Token);
        return (BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4)), (ErrorCode)BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(8)));
    }

    private sealed class HeldJournal : IJournal
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Durable { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Last => 0;

        public long Append(EntryKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException();

        public ValueTask WhenDurableAsync(long entry)
        {
            Asked.TrySetResult();
            return new ValueTask(Durable.Task);
        }
    }
}
