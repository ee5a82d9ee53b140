using System.Text;
using Metering.Cli.Output;
using Spectre.Console;

namespace Metering.Cli.Tests.Output;

public sealed class LiveTableTests
{
    private static readonly LiveFigures Figures = new()
    {
        EventsPerSecond = 1234,
        Published = 10,
        Metered = 10,
        LedgerRows = 77,
        Tenants =
        [
            new GroupFigures { Name = "acme [red]markup[/]", EventsPerSecond = 41, CostPerHourUsd = 12.5m },
            new GroupFigures { Name = "a-tenant-with-a-name-longer-than-any-column\u001b[2J" },
        ],
        Models = [new GroupFigures { Name = "gpt-4o", InputTokensPerSecond = 500 }],
    };

    [Theory]
    [InlineData(200)]
    [InlineData(100)]
    [InlineData(80)]
    [InlineData(60)]
    public void Render_any_width_shows_the_figures_and_fits(int width)
    {
        var text = Render(Figures, width);

        Assert.All(text.Split('\n'), line => Assert.True(line.TrimEnd('\r').Length <= width, $"{line.Length} > {width}: {line}"));
        foreach (var shown in (string[])["1,234", "acme [red]markup[/]"[..12], "gpt-4o", "$12.50", "77"])
            Assert.Contains(shown, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_wide_terminal_puts_tenants_beside_models_and_narrow_below_each_other()
    {
        Assert.Contains(Render(Figures, 160).Split('\n'), line => line.Contains("tenant", StringComparison.Ordinal) && line.Contains("model", StringComparison.Ordinal));
        Assert.DoesNotContain(Render(Figures, 70).Split('\n'), line => line.Contains("tenant", StringComparison.Ordinal) && line.Contains("model", StringComparison.Ordinal));
    }

    [Fact]
    public void Render_hostile_name_reaches_the_terminal_neither_as_markup_nor_as_control_codes()
    {
        var text = Render(Figures with { Tenants = [new GroupFigures { Name = "x\u001b[2J\r\n[bold]y" }] }, 160);

        Assert.DoesNotContain('\u001b', text);
        Assert.Contains("x?[2J??[bold]y", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_waiting_says_for_what() =>
        Assert.Contains("waiting for Kafka at h:1", Render(Figures with { WaitingFor = ["Kafka at h:1"] }, 100), StringComparison.Ordinal);

    [Fact]
    public async Task Live_table_ends_with_the_totals_and_gives_standard_error_back()
    {
        using var bytes = new MemoryStream();
        await using var writer = new StreamWriter(bytes, new UTF8Encoding(false)) { AutoFlush = true };
        using var errors = new StringWriter();
        await using var error = new DivertibleWriter(errors);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes });
        await using (var output = new LiveTableOutput(console, bytes, error))
        {
            output.Tick(Figures);
            // Without an await between them, both are written by the time the drawing ends.
            output.Stopped(Figures with { LedgerRows = 4321 });
        }
        await error.WriteLineAsync("after the table");

        Assert.Contains("ledger 4,321 rows", Encoding.UTF8.GetString(bytes.ToArray()), StringComparison.Ordinal);
        Assert.Equal("after the table" + Environment.NewLine, errors.ToString());
    }

    private static string Render(LiveFigures figures, int width)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = width;
        console.Write(LiveTable.Render(figures, width));
        return text.ToString();
    }
}
