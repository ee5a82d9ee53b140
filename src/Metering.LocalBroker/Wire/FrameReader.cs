using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Metering.LocalBroker.Wire;

/// <summary>Cuts what a peer sends into frames. A frame's buffer is taken when its last byte has come: who announces much and
/// sends nothing costs nothing. Used by the connection's receiving task alone.</summary>
internal sealed class FrameReader(PipeReader pipe, SaslState sasl)
{
    private const int LengthBytes = 4;
    private const int KeyBytes = 2;

    private Task<ReadResult>? _ahead;

    /// <returns>Null when the peer has closed its side.</returns>
    public async ValueTask<Frame?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = _ahead is { } ahead ? await ahead : await pipe.ReadAsync(cancellationToken);
            _ahead = null;
            if (TryTake(read.Buffer, out var frame))
            {
                pipe.AdvanceTo(read.Buffer.GetPosition(LengthBytes + frame.Memory.Length));
                return frame;
            }
            pipe.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted)
                return null;
        }
    }

    /// <summary>While a request waits: tells when the peer goes away. What it sends meanwhile is kept for the next read.</summary>
    public async Task WatchForEndAsync(Action gone, CancellationToken cancellationToken)
    {
        _ahead ??= pipe.ReadAsync(cancellationToken).AsTask();
        try
        {
            if ((await _ahead) is { IsCompleted: true, Buffer.IsEmpty: true })
                gone();
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or OperationCanceledException)
        {
            gone();
        }
    }

    private bool TryTake(ReadOnlySequence<byte> from, out Frame frame)
    {
        frame = null!;
        if (from.Length < LengthBytes)
            return false;
        Span<byte> start = stackalloc byte[LengthBytes + KeyBytes];
        start = start[..(int)Math.Min(from.Length, start.Length)];
        from.Slice(0, start.Length).CopyTo(start);
        var length = BinaryPrimitives.ReadInt32BigEndian(start);
        if (length < 0)
            throw new MalformedRequestException("a frame's length is negative");
        if (start.Length < LengthBytes + KeyBytes && length >= KeyBytes)
        {
            if (length > WireLimits.ProduceFrameBytes)
                throw new MalformedRequestException($"a frame of {length} bytes");
            return false;
        }
        if (length > Limit(start[LengthBytes..]))
            throw new MalformedRequestException($"a frame of {length} bytes");
        if (from.Length < LengthBytes + length)
            return false;
        frame = new Frame(length);
        from.Slice(LengthBytes, length).CopyTo(frame.Memory.Span);
        return true;
    }

    private int Limit(ReadOnlySpan<byte> key)
    {
        if (!sasl.IsAuthenticated)
            return WireLimits.UnknownPeerFrameBytes;
        return key.Length == KeyBytes && BinaryPrimitives.ReadInt16BigEndian(key) == (short)ApiKey.Produce ? WireLimits.ProduceFrameBytes : WireLimits.FrameBytes;
    }
}
