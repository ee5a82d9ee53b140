using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>A connection on which a test says exactly what it wants: calls by number and version, frames, or bytes that are none.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };
    private NetworkStream _stream = null!;
    private int _correlation = 1_000;

    public static async Task<RawConnection> OpenAsync(BrokerFixture broker)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync("127.0.0.1", broker.Port);
        connection._stream = connection._client.GetStream();
        return connection;
    }

    /// <summary>Sends a call with the older request header and returns the answer's body, behind its correlation id.</summary>
    public async Task<RawReader> CallAsync(short api, short version, RawWriter body)
    {
        var correlation = await SendCallAsync(api, version, body);
        var answer = await ReceiveAsync() ?? throw new IOException("the broker closed the connection");
        Assert.Equal(correlation, BinaryPrimitives.ReadInt32BigEndian(answer));
        return new RawReader(answer[4..]);
    }

    public async Task<int> SendCallAsync(short api, short version, RawWriter body)
    {
        var header = new RawWriter().Int16(api).Int16(version).Int32(++_correlation).String("raw");
        await SendAsync(new RawWriter().Int32(header.Length + body.Length).Raw(header).Raw(body).ToArray());
        return _correlation;
    }

    public async Task SendAsync(byte[] bytes) => await _stream.WriteAsync(bytes);

    /// <summary>The next frame; null when the broker has closed.</summary>
    public async Task<byte[]?> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(BrokerFixture.Patience);
        var length = new byte[4];
        try
        {
            if (await _stream.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false, limit.Token) < 4)
                return null;
            var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            await _stream.ReadExactlyAsync(frame, limit.Token);
            return frame;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void CloseSending() => _client.Client.Shutdown(SocketShutdown.Send);

    public void Dispose() => _client.Dispose();
}

/// <summary>Kafka's older wire types, big-endian.</summary>
internal sealed class RawWriter
{
    private readonly MemoryStream _bytes = new();

    public int Length => (int)_bytes.Length;

    public byte[] ToArray() => _bytes.ToArray();

    public RawWriter Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public RawWriter Raw(RawWriter other) => Raw(other.ToArray());

    public RawWriter Int8(sbyte value) => Raw([(byte)value]);

    public RawWriter Bool(bool value) => Int8(value ? (sbyte)1 : (sbyte)0);

    public RawWriter Int16(short value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteInt16BigEndian(bytes, value);
        return Raw(bytes);
    }

    public RawWriter Int32(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return Raw(bytes);
    }

    public RawWriter Int64(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return Raw(bytes);
    }

    public RawWriter String(string? value) =>
        value is null ? Int16(-1) : Int16((short)Encoding.UTF8.GetByteCount(value)).Raw(Encoding.UTF8.GetBytes(value));

    public RawWriter Bytes(ReadOnlySpan<byte> value) => Int32(value.Length).Raw(value);

    public RawWriter VarInt(long value)
    {
        var zigzag = (ulong)((value << 1) ^ (value >> 63));
        for (; zigzag >= 0x80; zigzag >>= 7)
            Raw([(byte)(zigzag | 0x80)]);
        return Raw([(byte)zigzag]);
    }
}

internal sealed class RawReader(byte[] bytes)
{
    private int _at;

    public bool IsAtEnd => _at == bytes.Length;

    public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public string? String()
    {
        var length = Int16();
        return length < 0 ? null : Encoding.UTF8.GetString(Take(length));
    }

    public byte[] Bytes()
    {
        var length = Int32();
        return length < 0 ? [] : Take(length).ToArray();
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        _at += count;
        return bytes.AsSpan(_at - count, count);
    }
}
