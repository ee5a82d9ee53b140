using System.Buffers;

namespace Metering.LocalBroker.Wire;

/// <summary>Buffers of requests and replies.</summary>
internal static class Pooled
{
    public static byte[] Rent(int bytes) =>
        bytes <= WireLimits.PooledBytes ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);

    public static void Return(byte[] buffer)
    {
        if (buffer.Length is > 0 and <= WireLimits.PooledBytes)
            ArrayPool<byte>.Shared.Return(buffer);
    }
}

/// <summary>One request's bytes, behind its length. Owned by whoever reads it from the <see cref="FrameReader"/>.</summary>
internal sealed class Frame(int length) : IDisposable
{
    private byte[]? _buffer = Pooled.Rent(length);

    public Memory<byte> Memory => (_buffer ?? throw new ObjectDisposedException(nameof(Frame))).AsMemory(0, length);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
            Pooled.Return(buffer);
    }
}
