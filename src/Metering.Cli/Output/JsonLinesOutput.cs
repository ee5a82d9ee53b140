using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Metering.Cli.Output;

/// <summary>For programs: one JSON object a line, flushed at once, and nothing else.</summary>
internal sealed class JsonLinesOutput(Stream output, TextWriter error) : IConsoleOutput
{
    private readonly GuardedOutput _guard = new(error);

    public bool IsJson => true;

    public Stream Raw => output;

    public void Ready(ReadyAddresses addresses) => Write(new ReadyLine(addresses), OutputJson.Default.ReadyLine);

    public void Tick(LiveFigures figures) => Write(figures, OutputJson.Default.LiveFigures);

    public void Stopped(LiveFigures totals) => Write(new StoppedLine(totals), OutputJson.Default.StoppedLine);

    public void Line<T>(T value, JsonTypeInfo<T> type, Func<T, string> forPeople) => Write(value, type);

    public void Note(string text)
    {
        // Remarks are for people; programs get objects only.
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Write<T>(T value, JsonTypeInfo<T> type)
    {
        // The line is whole before it is written, so that a kill between two writes cannot tear it.
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        _guard.Write(() =>
        {
            output.Write(line);
            output.Flush();
        });
    }
}
