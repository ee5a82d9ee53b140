using System.Buffers;
using System.Buffers.Binary;

namespace Metering.LocalBroker.Log;

/// <summary>Goes through a part of a segment, batch by batch, verified. Outside the gate; one thread.</summary>
internal sealed class SegmentReader(SegmentFiles files, Segment segment, long position, long end, long expected, int largestBatchBytes) : IDisposable
{
    private const int LeastBytes = 256 * 1024;
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(LeastBytes, largestBatchBytes));
    private long _nextPosition = position;
    private long _expected = expected;
    private int _at;
    private int _filled;

    /// <summary>Of the batch that was given last.</summary>
    public long Position { get; private set; }

    /// <summary>What was read is not what was written; or the file is gone.</summary>
    public bool IsDamaged { get; private set; }

    /// <param name="batch">Valid until the next call.</param>
    /// <returns>False at the end, or at damage.</returns>
    public bool TryRead(out RecordBatch batch)
    {
        batch = default;
        if (IsDamaged || _nextPosition >= end)
            return false;
        if (!Has(RecordBatch.HeaderBytes))
            return Damage();
        var rest = _buffer.AsSpan(_at, _filled - _at);
        var length = RecordBatch.LengthAt(rest);
        var baseOffset = BinaryPrimitives.ReadInt64BigEndian(rest);
        if (length < RecordBatch.HeaderBytes || length > largestBatchBytes || (segment.HasGaps ? baseOffset < _expected : baseOffset != _expected))
            return Damage();
        if (!Has((int)length))
            return Damage();
        batch = new RecordBatch(_buffer.AsSpan(_at, (int)length));
        if (batch.Magic != 2 || batch.LastOffsetDelta < 0 || !batch.HasValidCrc)
            return Damage();
        Position = _nextPosition;
        _at += (int)length;
        _nextPosition += length;
        _expected = batch.LastOffset + 1;
        return true;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private bool Has(int bytes)
    {
        if (_filled - _at >= bytes)
            return true;
        var kept = _buffer.AsSpan(_at, _filled - _at);
        kept.CopyTo(_buffer);
        (_at, _filled) = (0, kept.Length);
        var room = (int)Math.Min(_buffer!.Length - _filled, end - _nextPosition - _filled);
        _filled += Math.Max(0, files.Read(segment, _buffer.AsSpan(_filled, Math.Max(0, room)), _nextPosition + _filled));
        return _filled >= bytes;
    }

    private bool Damage()
    {
        IsDamaged = true;
        return false;
    }
}
