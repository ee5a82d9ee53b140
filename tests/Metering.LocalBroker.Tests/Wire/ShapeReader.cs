using System.Buffers.Binary;

namespace Metering.LocalBroker.Tests.Wire;

/// <summary>Walks a response by its shape, independently of our own reader, and fails where a byte is not what the shape says.</summary>
internal sealed class ShapeReader(byte[] bytes)
{
    private int _position;

    /// <returns>How many bytes are left over.</returns>
    public int Walk(string shape)
    {
        var words = shape.Split(' ');
        Walk(words, 0, words.Length);
        return bytes.Length - _position;
    }

    private void Walk(string[] words, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            if (!words[i].EndsWith('['))
            {
                Field(words[i]);
                continue;
            }
            var end = EndOf(words, i);
            var count = words[i].StartsWith('C') ? (int)VarInt() - 1 : BinaryPrimitives.ReadInt32BigEndian(Take(4));
            Assert.True(count >= 0 || (count == -1 && words[i].Contains('?')), $"array of {count}");
            for (; count > 0; count--)
                Walk(words, i + 1, end);
            i = end;
        }
    }

    private void Field(string type)
    {
        switch (type)
        {
            case "BOOLEAN":
                Assert.InRange(Take(1)[0], 0, 1);
                break;
            case "INT8":
                Take(1);
                break;
            case "INT16":
                Take(2);
                break;
            case "INT32":
                Take(4);
                break;
            case "INT64":
                Take(8);
                break;
            case "UUID":
                Take(16);
                break;
            case "TAGS":
                for (var left = VarInt(); left > 0; left--)
                {
                    VarInt();
                    Take((int)VarInt());
                }
                break;
            default:
                Sized(type);
                break;
        }
    }

    private void Sized(string type)
    {
        var isString = type.EndsWith("STRING", StringComparison.Ordinal);
        var length = type.StartsWith("COMPACT", StringComparison.Ordinal) ? (int)VarInt() - 1
            : isString ? BinaryPrimitives.ReadInt16BigEndian(Take(2))
            : BinaryPrimitives.ReadInt32BigEndian(Take(4));
        Assert.True(length >= 0 || (length == -1 && type.Contains("NULLABLE", StringComparison.Ordinal)), $"{type} of {length} bytes");
        Take(Math.Max(0, length));
    }

    private uint VarInt()
    {
        uint value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = Take(1)[0];
            value |= (uint)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        Assert.True(_position + count <= bytes.Length, $"the response ends at {bytes.Length}, but its shape goes on to {_position + count}");
        _position += count;
        return bytes.AsSpan(_position - count, count);
    }

    private static int EndOf(string[] words, int open)
    {
        var depth = 0;
        for (var i = open; ; i++)
        {
            if (words[i].EndsWith('['))
                depth++;
            else if (words[i] == "]" && --depth == 0)
                return i;
        }
    }
}
