using System.Buffers.Binary;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Wire;

/// <summary>Runs requests without sockets.</summary>
internal sealed class InProcess
{
    private readonly RequestHandler _handler;

    public InProcess(Func<BrokerState?> state, LocalBrokerOptions? options = null, CancellationToken aborted = default)
    {
        options ??= new LocalBrokerOptions { Directory = "nowhere" };
        Context = new CallContext
        {
            CurrentState = state,
            Options = options,
            ClusterId = "cluster",
            Host = "127.0.0.1",
            Port = 9092,
            ClientHost = "/127.0.0.1",
            Sasl = new SaslState(options.Users),
            Aborted = aborted,
        };
        _handler = new RequestHandler(Context);
    }

    public CallContext Context { get; }

    /// <summary>A request as a client sends it, without the length before it.</summary>
    public static byte[] Frame(ApiKey key, short version, ReadOnlySpan<byte> body, int correlationId = 77)
    {
        var isFlexible = version >= (CallTable.Find((short)key)?.FlexibleFrom ?? short.MaxValue);
        var frame = new byte[12 + (isFlexible ? 1 : 0) + body.Length];
        BinaryPrimitives.WriteInt16BigEndian(frame, (short)key);
        BinaryPrimitives.WriteInt16BigEndian(frame.AsSpan(2), version);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), correlationId);
        BinaryPrimitives.WriteInt16BigEndian(frame.AsSpan(8), 2);
        "me"u8.CopyTo(frame.AsSpan(10));
        body.CopyTo(frame.AsSpan(frame.Length - body.Length));
        return frame;
    }

    /// <returns>The response's body behind its header, or null when there is none.</returns>
    public async Task<byte[]?> CallAsync(ApiKey key, short version, ReadOnlyMemory<byte> body)
    {
        var reply = await _handler.HandleAsync(Frame(key, version, body.Span));
        using var response = reply.Response;
        if (response is null)
            return null;
        if (reply is { Entry: > 0, Journal: { } journal })
            await journal.WhenDurableAsync(reply.Entry);
        var bytes = response.Complete().ToArray();
        Assert.Equal(bytes.Length - 4, BinaryPrimitives.ReadInt32BigEndian(bytes));
        Assert.Equal(77, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4)));
        var hasTags = key != ApiKey.ApiVersions && Context.IsFlexible;
        if (hasTags)
            Assert.Equal(0, bytes[8]);
        return bytes[(hasTags ? 9 : 8)..];
    }

    public ValueTask<Reply> HandleAsync(ReadOnlyMemory<byte> frame) => _handler.HandleAsync(frame);
}
