using System.Text.Json.Serialization.Metadata;

namespace Metering.Cli.Output;

/// <summary>
/// Standard output, for people (a live table, or plain lines without a terminal) or for programs (<c>--json</c>: one
/// object a line). Thread-safe. When the reader of standard output goes away, that is said once on standard error and the
/// process goes on without it.
/// </summary>
public interface IConsoleOutput : IAsyncDisposable
{
    /// <summary>Programs read standard output.</summary>
    bool IsJson { get; }

    /// <summary>Standard output as bytes, for results that are passed through.</summary>
    Stream Raw { get; }

    /// <summary>Traffic can be taken; the first line of a role.</summary>
    void Ready(ReadyAddresses addresses);

    /// <summary>Once a second.</summary>
    void Tick(LiveFigures figures);

    /// <summary>The last line of a clean stop, with the totals.</summary>
    void Stopped(LiveFigures totals);

    /// <summary>One result: an object for programs, the text for people.</summary>
    void Line<T>(T value, JsonTypeInfo<T> type, Func<T, string> forPeople);

    /// <summary>A remark for people; programs do not see it.</summary>
    void Note(string text);
}
