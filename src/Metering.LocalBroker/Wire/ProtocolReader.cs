using System.Buffers.Binary;
using System.Text;

namespace Metering.LocalBroker.Wire;

/// <summary>
/// Reads a request's fields. The two forms of the protocol, classic (fixed-size lengths) and flexible (variable-size
/// lengths plus one, tagged fields behind each structure), are told apart once, when it is made: a call reads both in the
/// same way. Every length is checked against what remains before it is believed.
/// </summary>
/// <exception cref="MalformedRequestException">From every member: the bytes are not what the version says.</exception>
internal ref struct ProtocolReader(ReadOnlySpan<byte> bytes, bool flexible)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _elements;

    public int Position { get; private set; }

    public readonly int Remaining => _bytes.Length - Position;

    public bool Bool() => Take(1)[0] != 0;

    public sbyte Int8() => (sbyte)Take(1)[0];

    public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public Guid Uuid() => new(Take(16), bigEndian: true);

    public string String() => NullableString() ?? throw new MalformedRequestException("a string that must be there is null");

    public string? NullableString()
    {
        var length = flexible ? VarLength() : Int16();
        if (length < 0)
            return length == -1 ? null : throw new MalformedRequestException("a string's length is negative");
        try
        {
            return Utf8.GetString(Take(length));
        }
        catch (DecoderFallbackException)
        {
            throw new MalformedRequestException("a string is not UTF-8");
        }
    }

    /// <summary>The client id of a request's header: classic in both forms, and only ever shown, so that any bytes will do.</summary>
    public string ClientId()
    {
        var length = Int16();
        if (length < -1)
            throw new MalformedRequestException("the client id's length is negative");
        return length <= 0 ? "" : Encoding.UTF8.GetString(Take(length));
    }

    public ReadOnlySpan<byte> Bytes()
    {
        var (start, length) = NullableRange();
        return length >= 0 ? _bytes.Slice(start, length) : throw new MalformedRequestException("bytes that must be there are null");
    }

    /// <summary>Where bytes lie, for <see cref="At"/>; length −1 = null.</summary>
    public (int Start, int Length) NullableRange()
    {
        var length = flexible ? VarLength() : Int32();
        if (length < -1)
            throw new MalformedRequestException("a length is negative");
        if (length == -1)
            return (Position, -1);
        var start = Position;
        Take(length);
        return (start, length);
    }

    public readonly ReadOnlySpan<byte> At((int Start, int Length) range) => range.Length <= 0 ? default : _bytes.Slice(range.Start, range.Length);

    public int Array()
    {
        var count = NullableArray();
        return count >= 0 ? count : throw new MalformedRequestException("an array that must be there is null");
    }

    /// <returns>How many elements follow; −1 = null.</returns>
    public int NullableArray()
    {
        var count = flexible ? VarLength() : Int32();
        if (count < -1)
            throw new MalformedRequestException("an array's length is negative");
        // Every element takes a byte at least.
        if (count > Remaining)
            throw new MalformedRequestException("an array is longer than the request");
        if (count > 0 && (_elements += count) > WireLimits.ElementsPerRequest)
            throw new MalformedRequestException("the request has too many elements");
        return count;
    }

    /// <summary>Passes the tagged fields behind a structure: none of those that a client may send concerns one broker.</summary>
    public void Tags()
    {
        if (!flexible)
            return;
        for (var left = UnsignedVarInt(); left > 0; left--)
        {
            UnsignedVarInt();
            var length = UnsignedVarInt();
            if (length > (uint)Remaining)
                throw new MalformedRequestException("a tagged field is longer than the request");
            Take((int)length);
        }
    }

    private int VarLength()
    {
        var value = UnsignedVarInt();
        return value <= int.MaxValue ? (int)value - 1 : throw new MalformedRequestException("a length is too large");
    }

    private uint UnsignedVarInt()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var part = Take(1)[0];
            if (shift == 28 && part > 0x0F)
                break;
            value |= (uint)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw new MalformedRequestException("a variable-size number does not end");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Remaining)
            throw new MalformedRequestException("the request ends early");
        var taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }
}
