using System.Buffers.Binary;
using System.Globalization;
using Metering.Client.Spool;

namespace Metering.LocalBroker.Wire.Fuzz;

/// <summary>Makes requests that are valid by their form, of names and numbers that meet each other.</summary>
internal sealed class RequestMaker(Random random)
{
    private static readonly string[] Names = ["a", "b", "c", "a", "b", "", "1", "range", "consumer", "PLAIN", "cleanup.policy", "compact", "retention.ms", "ä.bad"];

    /// <returns>A frame without the length before it.</returns>
    public byte[] Make(ApiCall call, short version)
    {
        var isFlexible = version >= call.FlexibleFrom;
        using var body = new ProtocolWriter(isFlexible);
        body.Int16((short)call.Key);
        body.Int16(version);
        body.Int32(random.Next());
        body.Int16(4);
        "fuzz"u8.CopyTo(body.Room(4));
        body.Advance(4);
        body.Tags();
        var shape = RequestShapes.Of(call.Key);
        Fields(shape, 0, shape.Length, version, body);
        body.Tags();
        return body.Complete()[4..].ToArray();
    }

    private void Fields(string[] shape, int from, int to, short version, ProtocolWriter body)
    {
        for (var i = from; i < to; i++)
        {
            var (isThere, field) = InVersion(shape[i], version);
            var isArray = field is "[" or "?[" or "(" or "?(";
            var end = isArray ? EndOf(shape, i) : i;
            if (isThere && isArray)
                Elements(shape, i, end, field, version, body);
            else if (isThere)
                Value(field, body);
            i = end;
        }
    }

    private void Elements(string[] shape, int open, int end, string kind, short version, ProtocolWriter body)
    {
        if (kind[0] == '?' && random.Next(4) == 0)
        {
            body.Array(-1);
            return;
        }
        var count = random.Next(4);
        body.Array(count);
        for (; count > 0; count--)
        {
            Fields(shape, open + 1, end, version, body);
            if (kind[^1] == '[')
                body.Tags();
        }
    }

    private void Value(string type, ProtocolWriter body)
    {
        switch (type)
        {
            case "b":
                body.Bool(random.Next(2) == 0);
                break;
            case "i8":
                body.Int8((sbyte)random.Next(-1, 6));
                break;
            case "i16":
                body.Int16((short)random.Next(-1, 3));
                break;
            case "i32":
                body.Int32(Number());
                break;
            case "i64":
                body.Int64(random.Next(16) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : Number());
                break;
            case "u":
                body.Uuid(new Guid(random.Next(3), 0, 0, new byte[8]));
                break;
            case "s":
                body.String(Names[random.Next(Names.Length)]);
                break;
            case "n":
                body.String(random.Next(2) == 0 ? null : Names[random.Next(Names.Length)]);
                break;
            case "y":
                body.Bytes("\0a\0b"u8[..random.Next(5)]);
                break;
            case "r":
                Records(body);
                break;
            default:
                throw new InvalidOperationException($"no such field: {type}");
        }
    }

    private int Number() => random.Next(12) switch
    {
        0 => int.MaxValue,
        1 => int.MinValue,
        2 => random.Next(),
        3 => -2,
        4 => -1,
        5 => 30_000,
        var small => small - 6,
    };

    private void Records(ProtocolWriter body)
    {
        var kind = random.Next(8);
        if (kind == 0)
            body.Array(-1);
        else if (kind == 1)
            body.Bytes("no batch"u8);
        else
            body.Bytes(Batch(isTransactional: kind == 2));
    }

    /// <summary>One record in a batch of magic 2 whose checksum is right.</summary>
    private byte[] Batch(bool isTransactional)
    {
        // length, attributes, time, offset, key of 1, value of 1, no headers
        ReadOnlySpan<byte> record = [16, 0, 0, 0, 2, (byte)'k', 2, (byte)'v', 0];
        var batch = new byte[61 + record.Length];
        var isIdempotent = isTransactional || random.Next(3) == 0;
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(8), batch.Length - 12);
        batch[16] = 2;
        batch[22] = (byte)(isTransactional ? 0x10 : random.Next(20) == 0 ? random.Next(64) : 0);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(27), 1_700_000_000_000);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(35), 1_700_000_000_000);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(43), isIdempotent ? random.Next(5) : -1);
        BinaryPrimitives.WriteInt16BigEndian(batch.AsSpan(51), isIdempotent ? (short)random.Next(2) : (short)-1);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(53), isIdempotent ? random.Next(3) : -1);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(57), 1);
        record.CopyTo(batch.AsSpan(61));
        BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(17), Crc32C.Of(batch.AsSpan(21)));
        return batch;
    }

    private static (bool IsThere, string Field) InVersion(string word, short version)
    {
        var colon = word.IndexOf(':');
        if (colon < 0)
            return (true, word);
        var (range, field) = (word[..colon], word[(colon + 1)..]);
        if (range[^1] == '+')
            return (version >= Int(range[..^1]), field);
        var dash = range.IndexOf('-');
        return (version >= Int(range[..dash]) && version <= Int(range[(dash + 1)..]), field);
    }

    private static int Int(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    private static int EndOf(string[] shape, int open)
    {
        var depth = 0;
        for (var i = open; ; i++)
        {
            if (shape[i][^1] is '[' or '(')
                depth++;
            else if (shape[i] is "]" or ")" && --depth == 0)
                return i;
        }
    }
}
