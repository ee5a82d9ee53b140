using System.Text;

namespace Metering.Cli.Output;

/// <summary>
/// Standard error, which a live table may take over while it owns the terminal: a line written past it would tear the
/// table. Whole lines are passed on. Thread-safe.
/// </summary>
public sealed class DivertibleWriter(TextWriter inner) : TextWriter
{
    private readonly Lock _lock = new();
    private readonly StringBuilder _line = new();
    private Action<string>? _divert;

    public override Encoding Encoding => inner.Encoding;

    /// <summary>Sends lines to <paramref name="divert"/> until it is null again.</summary>
    public void Divert(Action<string>? divert)
    {
        lock (_lock)
            _divert = divert;
    }

    public override void Write(char value)
    {
        lock (_lock)
        {
            if (value == '\n')
                PassOn();
            else if (value != '\r')
                _line.Append(value);
        }
    }

    public override void Write(char[] buffer, int index, int count)
    {
        lock (_lock)
        {
            foreach (var value in buffer.AsSpan(index, count))
                Write(value);
        }
    }

    public override void Write(string? value)
    {
        lock (_lock)
        {
            foreach (var character in value ?? "")
                Write(character);
        }
    }

    public override void WriteLine(string? value)
    {
        lock (_lock)
        {
            Write(value);
            PassOn();
        }
    }

    public override void Flush() => inner.Flush();

    private void PassOn()
    {
        var line = _line.ToString();
        _line.Clear();
        if (_divert is { } divert)
            divert(line);
        else
            inner.WriteLine(line);
    }
}
