using System.Buffers.Binary;

namespace Metering.Events;

/// <summary>One run of a plan: where from, where to, and the bounds that are left.</summary>
internal ref struct Transcoder
{
    public readonly AvroReader Reader;

    /// <summary>The field at which it failed; only set then.</summary>
    public string? FailedField;

    private readonly PooledBuffer _output;
    private readonly int _limit;
    private int _muted;
    private int _depth;
    private int _emptyItems;

    public Transcoder(ReadOnlySpan<byte> body, PooledBuffer output, int maxOutputBytes)
    {
        Reader = new AvroReader(body);
        _output = output;
        _limit = (int)Math.Min((long)output.WrittenBytes + Math.Max(maxOutputBytes, 0), Array.MaxLength);
    }

    /// <summary>Until <see cref="Unmute"/> what is read is validated and dropped.</summary>
    public void Mute() => _muted++;

    public void Unmute() => _muted--;

    public bool TryEnter() => ++_depth <= ResolutionPlan.MaxDepth;

    public void Leave() => _depth--;

    public bool TryTakeEmptyItems(int count)
    {
        _emptyItems += Math.Min(count, ResolutionPlan.MaxEmptyItems + 1);
        return _emptyItems <= ResolutionPlan.MaxEmptyItems;
    }

    /// <summary>Writes the bytes [from, to) of the input; passes <paramref name="to"/> on, or the error.</summary>
    public readonly int Copy(int from, int to) => to < 0 ? to : Write(Reader.Slice(from, to), to);

    /// <summary>Writes bytes; passes <paramref name="next"/> on, or the error.</summary>
    public readonly int Write(scoped ReadOnlySpan<byte> bytes, int next)
    {
        if (_muted > 0)
            return next;
        if (bytes.Length > _limit - _output.WrittenBytes)
            return AvroReader.Fail(DecodeError.TooLarge);
        bytes.CopyTo(_output.GetSpan(bytes.Length));
        _output.Advance(bytes.Length);
        return next;
    }

    public readonly int WriteLong(long value, int next)
    {
        Span<byte> bytes = stackalloc byte[10];
        var count = 0;
        var raw = (ulong)((value << 1) ^ (value >> 63));
        for (; raw >= 0x80; raw >>= 7)
            bytes[count++] = (byte)(raw | 0x80);
        bytes[count++] = (byte)raw;
        return Write(bytes[..count], next);
    }

    public readonly int WriteFloat(float value, int next)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Write(bytes, next);
    }

    public readonly int WriteDouble(double value, int next)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return Write(bytes, next);
    }
}
