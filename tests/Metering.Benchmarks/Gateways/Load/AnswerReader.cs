using System.Buffers.Text;
using System.Text;

namespace Metering.Benchmarks.Gateways.Load;

/// <summary>Follows HTTP/1.1 answers on one connection as their bytes come, one after another: status, length or chunks, and where
/// each one ends. It keeps nothing of a body.</summary>
internal sealed class AnswerReader
{
    private const int MaxHeadBytes = 8192;

    private readonly byte[] _head = new byte[MaxHeadBytes];
    private int _headBytes;
    private Part _part;
    private long _left;

    private enum Part
    {
        Head,
        Body,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailer,
        Done,
    }

    public int Status { get; private set; }

    /// <summary>The server closes the connection behind this answer.</summary>
    public bool Closes { get; private set; }

    public bool IsComplete => _part == Part.Done;

    /// <summary>Before the next answer.</summary>
    public void Reset()
    {
        (_part, _headBytes, _left) = (Part.Head, 0, 0);
        (Status, Closes) = (0, false);
    }

    /// <summary>Takes what was received.</summary>
    /// <returns>Bytes of the body in it.</returns>
    /// <exception cref="InvalidDataException">It is no HTTP, or goes on behind the answer's end.</exception>
    public int Feed(ReadOnlySpan<byte> bytes)
    {
        var body = 0;
        while (!bytes.IsEmpty)
        {
            switch (_part)
            {
                case Part.Head:
                    bytes = bytes[Head(bytes)..];
                    break;
                case Part.Body or Part.ChunkData:
                    var taken = (int)Math.Min(bytes.Length, _left);
                    body += taken;
                    _left -= taken;
                    bytes = bytes[taken..];
                    if (_left == 0)
                        _part = _part == Part.Body ? Part.Done : Part.ChunkEnd;
                    break;
                case Part.Done:
                    throw new InvalidDataException("bytes come behind the end of an answer");
                default:
                    Framing(bytes[0]);
                    bytes = bytes[1..];
                    break;
            }
        }
        return body;
    }

    // Returns what of the bytes belongs to the head.
    private int Head(ReadOnlySpan<byte> bytes)
    {
        var before = _headBytes;
        var copied = Math.Min(bytes.Length, MaxHeadBytes - _headBytes);
        bytes[..copied].CopyTo(_head.AsSpan(_headBytes));
        _headBytes += copied;
        // The end may lie across two receives.
        var from = Math.Max(0, before - 3);
        var end = _head.AsSpan(from, _headBytes - from).IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return _headBytes < MaxHeadBytes ? copied : throw new InvalidDataException($"the head of an answer is larger than {MaxHeadBytes} bytes");
        var length = from + end + 4;
        ReadHead(_head.AsSpan(0, length - 2));
        return length - before;
    }

    private void ReadHead(ReadOnlySpan<byte> head)
    {
        if (head.Length < 12 || !head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head.Slice(9, 3), out int status, out _))
            throw new InvalidDataException($"an answer begins with \"{Encoding.Latin1.GetString(head[..Math.Min(head.Length, 40)])}\"");
        Status = status;
        long length = -1;
        var isChunked = false;
        for (var line = head; line.IndexOf("\r\n"u8) is var end and >= 0; line = line[(end + 2)..])
        {
            var field = line[..end];
            if (Value(field, "content-length:"u8, out var value))
                length = Utf8Parser.TryParse(value, out long number, out _) ? number : throw new InvalidDataException("an answer's length is no number");
            else if (Value(field, "transfer-encoding:"u8, out value))
                isChunked = value.SequenceEqual("chunked"u8);
            else if (Value(field, "connection:"u8, out value))
                Closes = Ascii.EqualsIgnoreCase(value, "close"u8);
        }
        if (length < 0 && !isChunked)
            throw new InvalidDataException("an answer has neither a length nor chunks");
        (_part, _left) = isChunked ? (Part.ChunkSize, 0) : (length == 0 ? Part.Done : Part.Body, length);
    }

    private static bool Value(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var has = field.Length >= name.Length && Ascii.EqualsIgnoreCase(field[..name.Length], name);
        value = has ? field[name.Length..].Trim((byte)' ') : default;
        return has;
    }

    private void Framing(byte next)
    {
        switch (_part)
        {
            case Part.ChunkSize when next == (byte)'\n':
                _part = _left == 0 ? Part.Trailer : Part.ChunkData;
                break;
            case Part.ChunkSize when next != (byte)'\r':
                _left = (_left << 4) | (uint)(char.IsAsciiHexDigit((char)next) ? Digit(next) : throw new InvalidDataException("a chunk's size is no number"));
                break;
            case Part.ChunkEnd when next == (byte)'\n':
                _part = Part.ChunkSize;
                break;
            // Nobody here sends trailers: the empty line ends the answer.
            case Part.Trailer when next == (byte)'\n':
                _part = Part.Done;
                break;
        }
    }

    private static int Digit(byte hex) => hex <= (byte)'9' ? hex - (byte)'0' : (hex | 0x20) - (byte)'a' + 10;
}
