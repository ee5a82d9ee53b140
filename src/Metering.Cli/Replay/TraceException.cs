namespace Metering.Cli.Replay;

/// <summary>
/// A trace that cannot be replayed, or not further. A replay stops at a bad line: one that went on would publish totals
/// that are not the file's, under an epoch that says they are.
/// </summary>
public sealed class TraceException : Exception
{
    /// <param name="file">As the user named it.</param>
    /// <param name="message">What is wrong and what to do.</param>
    public TraceException(string file, string message)
        : base($"{file}: {message}")
    {
    }

    /// <param name="file">As the user named it.</param>
    /// <param name="line">Counted from 1; in the uncompressed text.</param>
    /// <param name="column">Counted from 1, in bytes.</param>
    /// <param name="message">What is wrong and what to do.</param>
    public TraceException(string file, long line, long column, string message)
        : base($"{file}: line {line}, column {column}: {message}")
    {
        Line = line;
        Column = column;
    }

    /// <summary>0 when the whole file is meant.</summary>
    public long Line { get; }

    /// <summary>0 when the whole file is meant.</summary>
    public long Column { get; }
}
