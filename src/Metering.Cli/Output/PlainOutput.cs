using System.Text.Json.Serialization.Metadata;

namespace Metering.Cli.Output;

/// <summary>For people without a terminal (a file, a pipe, a container's log): lines of text.</summary>
internal sealed class PlainOutput(Stream raw, TextWriter output, TextWriter error) : IConsoleOutput
{
    private readonly GuardedOutput _guard = new(error);

    public bool IsJson => false;

    public Stream Raw => raw;

    public void Ready(ReadyAddresses addresses)
    {
        foreach (var (name, address) in addresses.Parts())
            Write($"{name,-10} {address}");
        Write("ready");
    }

    public void Tick(LiveFigures figures) => Write(FiguresText.Line(figures));

    public void Stopped(LiveFigures totals)
    {
        Write("stopped");
        foreach (var line in FiguresText.Totals(totals))
            Write(line);
    }

    public void Line<T>(T value, JsonTypeInfo<T> type, Func<T, string> forPeople) => Write(forPeople(value));

    public void Note(string text) => Write(text);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Write(string line) => _guard.Write(() =>
    {
        output.WriteLine(line);
        output.Flush();
    });
}
