namespace Metering.ClickHouse.Http;

/// <summary>The plain bytes of a body that comes as compressed frames (<c>decompress=1</c>).</summary>
internal sealed class FrameReader(Stream frames) : OneWayStream(canRead: true)
{
    private readonly byte[] _head = new byte[Frame.ChecksumBytes + Frame.HeaderBytes];
    private ReadOnlyMemory<byte> _plain;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_plain.IsEmpty)
        {
            if (!await NextAsync(cancellationToken))
                return 0;
        }
        var length = Math.Min(buffer.Length, _plain.Length);
        _plain.Span[..length].CopyTo(buffer.Span);
        _plain = _plain[length..];
        return length;
    }

    private async Task<bool> NextAsync(CancellationToken cancellationToken)
    {
        var read = await frames.ReadAtLeastAsync(_head, _head.Length, throwOnEndOfStream: false, cancellationToken);
        if (read == 0)
            return false;
        if (read < _head.Length)
            throw new InvalidDataException("the body ends within a compressed frame's head");
        var (compressedBytes, _) = Frame.SizesOf(_head);
        var frame = new byte[_head.Length + compressedBytes];
        _head.CopyTo(frame, 0);
        if (await frames.ReadAtLeastAsync(frame.AsMemory(_head.Length), compressedBytes, throwOnEndOfStream: false, cancellationToken) < compressedBytes)
            throw new InvalidDataException("the body ends within a compressed frame");
        _plain = Frame.Decode(frame);
        return true;
    }
}

/// <summary>A result as compressed frames (<c>compress=1</c>). Ends with the last frame when it is disposed.</summary>
internal sealed class FrameWriter(Stream output) : OneWayStream(canRead: false)
{
    private const int PlainBytes = 1 << 20;
    private readonly MemoryStream _plain = new();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _plain.Write(buffer.Span);
        if (_plain.Length >= PlainBytes)
            await FlushFrameAsync(cancellationToken);
    }

    public override async ValueTask DisposeAsync()
    {
        await FlushFrameAsync(CancellationToken.None);
        await base.DisposeAsync();
    }

    private async Task FlushFrameAsync(CancellationToken cancellationToken)
    {
        if (_plain.Length == 0)
            return;
        var frame = Frame.Encode(_plain.GetBuffer().AsSpan(0, (int)_plain.Length));
        _plain.SetLength(0);
        await output.WriteAsync(frame, cancellationToken);
    }
}

/// <summary>Writes through, and leaves the response open when it is disposed.</summary>
internal sealed class LeaveOpenStream(Stream output) : OneWayStream(canRead: false)
{
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => output.WriteAsync(buffer, cancellationToken);
}

/// <summary>A stream that is only read or only written, and only asynchronously.</summary>
internal abstract class OneWayStream(bool canRead) : Stream
{
    public override bool CanRead => canRead;

    public override bool CanWrite => !canRead;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
