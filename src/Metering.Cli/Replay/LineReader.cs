namespace Metering.Cli.Replay;

/// <summary>
/// The lines of a text as bytes, whatever ends them (LF or CRLF, or nothing on the last), in one reused buffer. Lines are
/// bounded, so that a file without line ends, or a bomb in gzip, cannot take the machine's memory. One thread.
/// </summary>
internal sealed class LineReader(Stream stream, string file) : IDisposable
{
    /// <summary>The longest line, in bytes.</summary>
    public const int MaxLineBytes = 1 << 20;

    private byte[] _buffer = new byte[64 << 10];
    private int _from;
    private int _to;
    private bool _ended;
    private bool _again;

    /// <summary>The number of <see cref="Current"/>, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The file's name, for messages.</summary>
    public string File { get; } = file;

    /// <summary>The line without its end; valid until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlyMemory<byte> Current { get; private set; }

    /// <summary>Goes to the next line that is not blank.</summary>
    /// <exception cref="TraceException">A line is too long, or the compressed data is damaged.</exception>
    public bool MoveNext()
    {
        if (_again)
        {
            _again = false;
            return true;
        }
        while (TryReadLine())
        {
            if (!Current.Span.Trim(" \t"u8).IsEmpty)
                return true;
        }
        return false;
    }

    /// <summary>Lets the next <see cref="MoveNext"/> return the current line once more.</summary>
    public void PutBack() => _again = true;

    /// <summary>An error at a place in the current line.</summary>
    public TraceException Error(long column, string message) => new(File, Number, column, message);

    public void Dispose() => stream.Dispose();

    private bool TryReadLine()
    {
        var searched = 0;
        while (true)
        {
            var end = _buffer.AsSpan(_from + searched, _to - _from - searched).IndexOf((byte)'\n');
            if (end >= 0)
            {
                Take(searched + end, consumed: searched + end + 1);
                return true;
            }
            searched = _to - _from;
            if (searched > MaxLineBytes)
                throw new TraceException(File, Number + 1, MaxLineBytes, $"the line is longer than {MaxLineBytes} bytes; is this a text file with one request a line?");
            if (_ended)
            {
                if (searched == 0)
                    return false;
                Take(searched, consumed: searched);
                return true;
            }
            Fill();
        }
    }

    private void Take(int length, int consumed)
    {
        Number++;
        var line = _buffer.AsMemory(_from, length);
        if (line.Span is [.., (byte)'\r'])
            line = line[..^1];
        if (Number == 1 && line.Span.StartsWith("\uFEFF"u8))
            line = line[3..];
        Current = line;
        _from += consumed;
    }

    private void Fill()
    {
        if (_from > 0)
        {
            _buffer.AsSpan(_from, _to - _from).CopyTo(_buffer);
            (_from, _to) = (0, _to - _from);
        }
        if (_to == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
        int read;
        try
        {
            read = stream.Read(_buffer, _to, _buffer.Length - _to);
        }
        catch (InvalidDataException e)
        {
            throw new TraceException(File, Number + 1, 1, $"the compressed data is damaged or cut off: {e.Message}");
        }
        _to += read;
        _ended = read == 0;
    }
}
