using Metering.Events;

namespace Metering.Cli.Replay;

/// <summary>
/// Azure's public inference traces (2023: 7 fractional digits and CRLF; 2024: an offset after the time). They have no
/// tenant, model or cache column.
/// </summary>
internal sealed class AzureRows : ITraceRows
{
    private const int Timestamp = 0;
    private const int ContextTokens = 1;
    private const int GeneratedTokens = 2;

    private static readonly string[] Names = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

    private readonly LineReader _lines;
    private readonly CsvColumns _columns;

    public AzureRows(LineReader lines)
    {
        _lines = lines;
        _columns = new CsvColumns(lines, Names);
    }

    public TraceFormat Format => TraceFormat.AzureCsv;

    public static bool Recognises(string[] header) => Names.All(header.Contains);

    public bool TryRead(TokenEvent into, out long atMicros)
    {
        atMicros = 0;
        if (!_columns.MoveNext())
            return false;
        if (!TraceTime.TryParse(_columns[Timestamp], out atMicros))
            throw _columns.Error(Timestamp, "a time such as 2023-11-16 18:15:46.6805900");
        into.EventTimeMicros = atMicros;
        into.InputTokens = _columns.Count(ContextTokens);
        into.OutputTokens = _columns.Count(GeneratedTokens);
        return true;
    }

    public void Dispose() => _lines.Dispose();
}
