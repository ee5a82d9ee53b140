using Metering.Events;

namespace Metering.Cli.Replay;

/// <summary>One format's requests, read one by one in bounded memory. One thread.</summary>
internal interface ITraceRows : IDisposable
{
    /// <summary>The format.</summary>
    TraceFormat Format { get; }

    /// <summary>
    /// Fills what the trace knows of its next request and leaves the rest as it is.
    /// <see cref="TokenEvent.EventTimeMicros"/> is set only when the trace has dates, not only distances.
    /// </summary>
    /// <param name="into">Bears the defaults.</param>
    /// <param name="atMicros">When, on the trace's own clock.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="TraceException">The line cannot be understood.</exception>
    bool TryRead(TokenEvent into, out long atMicros);
}
