using System.Text.Json.Serialization.Metadata;
using System.Threading.Channels;
using Spectre.Console;

namespace Metering.Cli.Output;

/// <summary>
/// For a person at a terminal: a table that is drawn over itself once a second. One task draws; log lines are diverted to
/// it while it does, and appear above the table. <see cref="DisposeAsync"/> ends the drawing and prints the totals.
/// </summary>
internal sealed class LiveTableOutput(IAnsiConsole console, Stream raw, TextWriter error) : IConsoleOutput
{
    // Only the newest figures matter to the eye, so a slow terminal skips some; totals go another way.
    private readonly Channel<LiveFigures> _figures =
        Channel.CreateBounded<LiveFigures>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly Lock _lock = new();
    private Task? _drawing;
    private LiveFigures? _totals;

    public bool IsJson => false;

    public Stream Raw => raw;

    public void Ready(ReadyAddresses addresses)
    {
        foreach (var (name, address) in addresses.Parts())
            console.Write(new Text($"{name,-10} {address}\n"));
    }

    public void Tick(LiveFigures figures)
    {
        lock (_lock)
            _drawing ??= DrawAsync();
        _figures.Writer.TryWrite(figures);
    }

    public void Stopped(LiveFigures totals)
    {
        _totals = totals;
        _figures.Writer.TryComplete();
    }

    public void Line<T>(T value, JsonTypeInfo<T> type, Func<T, string> forPeople) => Note(forPeople(value));

    public void Note(string text) => console.Write(new Text(text + "\n"));

    public async ValueTask DisposeAsync()
    {
        _figures.Writer.TryComplete();
        if (_drawing is { } drawing)
            await drawing;
        if (_totals is not { } totals)
            return;
        _totals = null;
        foreach (var line in FiguresText.Totals(totals))
            Note(line);
    }

    private async Task DrawAsync()
    {
        var divertible = error as DivertibleWriter;
        try
        {
            await console.Live(new Text("")).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
            {
                // Written through the same console, a line makes room for itself above the table.
                divertible?.Divert(line => console.Write(new Text(line + "\n")));
                await foreach (var figures in _figures.Reader.ReadAllAsync())
                    live.UpdateTarget(LiveTable.Render(figures, console.Profile.Width));
            });
        }
        finally
        {
            divertible?.Divert(null);
        }
    }
}
