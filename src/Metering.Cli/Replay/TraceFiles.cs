using System.Security.Cryptography;

namespace Metering.Cli.Replay;

/// <summary>The files of one trace, found and recognised: one file, or ServeGen's two.</summary>
internal sealed class TraceFiles : IDisposable
{
    private readonly TraceFormat _format;
    private readonly TraceContent _main;
    private readonly TraceContent? _tokens;

    private TraceFiles(TraceFormat format, TraceContent main, TraceContent? tokens = null) =>
        (_format, _main, _tokens) = (format, main, tokens);

    /// <summary>As the user named it; for messages.</summary>
    public string Name => _main.Name;

    public static TraceFiles Find(string path, Func<Stream> standardInput)
    {
        if (path == TraceReader.StandardInput)
        {
            using var input = standardInput();
            return Recognise(TraceContent.OfStandardInput(input));
        }
        return Directory.Exists(path) ? FindServeGen(path) : Recognise(TraceContent.OfFile(path));
    }

    public ITraceRows OpenRows(TraceOptions options)
    {
        if (_format == TraceFormat.ServeGen)
        {
            using var windows = _main.ReadLines();
            using var tokens = _tokens!.ReadLines();
            return new ServeGenRows(new ServeGenTables(windows, tokens, options.ServeGenModel), options);
        }
        var lines = _main.ReadLines();
        try
        {
            return _format switch
            {
                TraceFormat.AzureCsv => new AzureRows(lines),
                TraceFormat.MooncakeJsonl => new MooncakeRows(lines),
                _ => new TokenEventRows(lines),
            };
        }
        catch
        {
            lines.Dispose();
            throw;
        }
    }

    public void AppendTo(IncrementalHash hash)
    {
        _main.AppendTo(hash);
        _tokens?.AppendTo(hash);
    }

    public void Dispose()
    {
        _main.Dispose();
        _tokens?.Dispose();
    }

    private static TraceFiles Recognise(TraceContent content)
    {
        try
        {
            using var lines = content.ReadLines();
            if (!lines.MoveNext())
                throw new TraceException(content.Name, "is empty");
            if (lines.Current.Span.TrimStart(" \t"u8) is [(byte)'{', ..])
                return new TraceFiles(IsMooncake(lines) ? TraceFormat.MooncakeJsonl : TraceFormat.TokenEventJsonl, content);

            var header = CsvColumns.HeaderOf(lines.Current.Span);
            if (AzureRows.Recognises(header))
                return new TraceFiles(TraceFormat.AzureCsv, content);
            if (ServeGenTables.RecognisesWindows(header) || ServeGenTables.RecognisesTokens(header))
            {
                var folder = Path.GetDirectoryName(Path.GetFullPath(content.Name));
                return folder is not null && File.Exists(content.Name)
                    ? FindServeGen(folder)
                    : throw new TraceException(content.Name, "ServeGen's parameters are two files; give the directory that holds both");
            }
            throw lines.Error(1, "is no trace that is known: Azure CSV (TIMESTAMP,ContextTokens,GeneratedTokens), Mooncake JSONL (timestamp, input_length, …), a ServeGen directory, or JSONL with TokenEvent's fields");
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    private static bool IsMooncake(LineReader lines)
    {
        var reader = JsonLine.Open(lines);
        var isMooncake = false;
        while (JsonLine.NextProperty(lines, ref reader, out var name))
        {
            isMooncake |= name == "input_length";
            JsonLine.Skip(lines, ref reader);
        }
        return isMooncake;
    }

    /// <summary>The two files by their headers, whatever they are called; other files in the directory do not matter.</summary>
    private static TraceFiles FindServeGen(string folder)
    {
        var windows = new List<string>();
        var tokens = new List<string>();
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            if (!path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) && !path.EndsWith(".csv.gz", StringComparison.OrdinalIgnoreCase))
                continue;
            using var lines = TraceContent.OfFile(path).ReadLines();
            var header = lines.MoveNext() ? CsvColumns.HeaderOf(lines.Current.Span) : [];
            if (ServeGenTables.RecognisesWindows(header))
                windows.Add(path);
            else if (ServeGenTables.RecognisesTokens(header))
                tokens.Add(path);
        }
        if (windows.Count != 1 || tokens.Count != 1)
        {
            throw new TraceException(folder, $"holds {windows.Count} files of ServeGen's client windows and {tokens.Count} of its client tokens; "
                + "give a directory with one of each (recognised by their header lines, .csv or .csv.gz)");
        }
        return new TraceFiles(TraceFormat.ServeGen, TraceContent.OfFile(windows[0]), TraceContent.OfFile(tokens[0]));
    }
}
