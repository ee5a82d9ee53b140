using System.Buffers.Binary;
using System.Text;

namespace Metering.LocalBroker.Wire;

/// <summary>
/// Writes one reply into a pooled buffer that grows: the length, the header, then the fields in the classic or flexible form.
/// Used by one thread at a time; owned by the reply queue once the call is over.
/// </summary>
internal sealed class ProtocolWriter : IDisposable
{
    private const int LengthBytes = 4;

    private readonly bool _flexible;
    private byte[] _buffer;
    private int _written = LengthBytes;
    private List<(int Position, ErrorCode Error)>? _errorsIfLost;

    public ProtocolWriter(bool flexible)
    {
        _flexible = flexible;
        _buffer = Pooled.Rent(256);
    }

    public int Position => _written;

    /// <summary>The reply as it goes to the socket.</summary>
    public ReadOnlyMemory<byte> Complete()
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer, _written - LengthBytes);
        return _buffer.AsMemory(0, _written);
    }

    /// <summary>Forgets what was written behind a position: the call is answered anew.</summary>
    public void Rewind(int position)
    {
        _written = position;
        _errorsIfLost?.Clear();
    }

    /// <summary>Makes room at once for a large reply.</summary>
    public void Expect(int bytes) => Room(bytes);

    public void Bool(bool value) => Int8(value ? (sbyte)1 : (sbyte)0);

    public void Int8(sbyte value)
    {
        Room(1)[0] = (byte)value;
        _written++;
    }

    public void Int16(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(Room(2), value);
        _written += 2;
    }

    public void Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(Room(4), value);
        _written += 4;
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(Room(8), value);
        _written += 8;
    }

    public void Uuid(Guid value)
    {
        value.TryWriteBytes(Room(16), bigEndian: true, out _);
        _written += 16;
    }

    public void Error(ErrorCode error) => Int16((short)error);

    /// <summary>An error code that becomes <paramref name="ifLost"/> when the entry that the reply waits for is lost.</summary>
    public void Error(ErrorCode error, ErrorCode ifLost)
    {
        if (error == ErrorCode.None)
            (_errorsIfLost ??= []).Add((_written, ifLost));
        Error(error);
    }

    /// <summary>The disk failed before the reply's entry was durable: nobody is told that it happened.</summary>
    public void BecomeLost()
    {
        foreach (var (position, error) in _errorsIfLost ?? [])
            PatchError(position, error);
    }

    public void PatchError(int position, ErrorCode error) => BinaryPrimitives.WriteInt16BigEndian(_buffer.AsSpan(position), (short)error);

    public void String(string? value)
    {
        if (value is null)
        {
            Length(-1, isString: true);
            return;
        }
        var bytes = Encoding.UTF8.GetByteCount(value);
        if (!_flexible && bytes > short.MaxValue)
        {
            String(value[..(short.MaxValue / 4)]);
            return;
        }
        Length(bytes, isString: true);
        Encoding.UTF8.GetBytes(value, Room(bytes));
        _written += bytes;
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Length(value.Length, isString: false);
        value.CopyTo(Room(value.Length));
        _written += value.Length;
    }

    /// <summary>Leaves room for the length of bytes that are written in place before it is known how many they are.</summary>
    /// <param name="most">As many as there may be.</param>
    /// <returns>Where the length is, for <see cref="EndBytes"/>.</returns>
    public int BeginBytes(int most)
    {
        var start = _written;
        Length(most, isString: false);
        return start;
    }

    /// <param name="start">From <see cref="BeginBytes"/>; nothing else was written meanwhile.</param>
    public void EndBytes(int start, int count)
    {
        var reservedAt = _written;
        _written = start;
        Length(count, isString: false);
        // Fewer bytes may have a shorter length in the flexible form.
        if (_written != reservedAt)
            _buffer.AsSpan(reservedAt, count).CopyTo(_buffer.AsSpan(_written));
        _written += count;
    }

    /// <param name="count">−1 = null.</param>
    public void Array(int count) => Length(count, isString: false);

    /// <summary>No tagged fields: behind every structure of the flexible form.</summary>
    public void Tags()
    {
        if (_flexible)
            UnsignedVarInt(0);
    }

    /// <summary>Room for bytes that are written in place, and how many they turned out to be.</summary>
    public Span<byte> Room(int bytes)
    {
        if (_buffer.Length - _written < bytes)
            Grow(bytes);
        return _buffer.AsSpan(_written, bytes);
    }

    public void Advance(int bytes) => _written += bytes;

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        Pooled.Return(buffer);
    }

    private void Length(int length, bool isString)
    {
        if (_flexible)
            UnsignedVarInt((uint)(length + 1));
        else if (isString)
            Int16((short)length);
        else
            Int32(length);
    }

    private void UnsignedVarInt(uint value)
    {
        var to = Room(5);
        var length = 0;
        for (; value >= 0x80; value >>= 7)
            to[length++] = (byte)(value | 0x80);
        to[length++] = (byte)value;
        _written += length;
    }

    private void Grow(int bytes)
    {
        var larger = Pooled.Rent(checked((int)Math.Max((long)_written + bytes, Math.Min(2L * _buffer.Length, int.MaxValue / 2))));
        _buffer.AsSpan(0, _written).CopyTo(larger);
        Pooled.Return(_buffer);
        _buffer = larger;
    }
}
