using System.Globalization;
using Metering.Cli.Workload;

namespace Metering.Cli.Replay;

/// <summary>
/// ServeGen's published parameters: per client and 600-second window the rate and the law of arrivals, per client and
/// 6-hour period the distributions of token counts. Held in memory (143,046 windows take about 6 MB).
/// </summary>
internal sealed class ServeGenTables
{
    /// <summary>The length of a window, in microseconds.</summary>
    public const long WindowMicros = 600_000_000;

    // The published tables have 143,046 and 10,698 rows; these bounds only keep a hostile file from taking all memory.
    private const int MaxRows = 20_000_000;

    private static readonly string[] WindowNames = ["model", "client", "t_s", "req_per_s", "arrival", "param1"];
    private static readonly string[] TokenNames = ["model", "client", "t_s", "field", "p10", "p50", "p90", "p99", "max"];
    private static readonly double[] Levels = [0, 0.10, 0.50, 0.90, 0.99, 1];

    private readonly Dictionary<(string Model, string Client), ServeGenClient> _clients = [];

    /// <summary>Every client that ever sends, in the file's order.</summary>
    public IReadOnlyList<ServeGenClient> Clients { get; }

    public ServeGenTables(LineReader windows, LineReader tokens, string? onlyModel)
    {
        var inOrder = new List<ServeGenClient>();
        ReadWindows(windows, onlyModel, inOrder);
        ReadTokens(tokens, onlyModel);
        LendSizes(inOrder, tokens.File);
        Clients = inOrder;
    }

    public static bool RecognisesWindows(string[] header) => WindowNames.All(header.Contains);

    public static bool RecognisesTokens(string[] header) => TokenNames.All(header.Contains);

    private void ReadWindows(LineReader lines, string? onlyModel, List<ServeGenClient> inOrder)
    {
        var columns = new CsvColumns(lines, WindowNames);
        var models = new SortedSet<string>(StringComparer.Ordinal);
        for (var rows = 0; columns.MoveNext(); rows++)
        {
            if (rows == MaxRows)
                throw lines.Error(1, $"more than {MaxRows} windows");
            var model = columns.Text(0);
            models.Add(model);
            if (onlyModel is not null && model != onlyModel)
                continue;
            var client = columns.Text(1);
            if (!_clients.TryGetValue((model, client), out var found))
            {
                found = new ServeGenClient(model, client);
                _clients.Add((model, client), found);
                inOrder.Add(found);
            }
            var startMicros = Micros(columns, 2);
            if (found.Windows.Count > 0 && startMicros < found.Windows[^1].StartMicros + WindowMicros)
                throw columns.Error(2, "a client's windows in rising order, 600 s apart");
            var rate = columns.Parameter(3);
            if (rate is > 0 and <= 1_000_000)
                found.Windows.Add(new ServeGenWindow(startMicros, rate, Law(columns)));
            else if (rate > 0)
                throw columns.Error(3, "at most 1,000,000 requests per second");
        }
        if (inOrder.Count == 0)
            throw new TraceException(lines.File, onlyModel is null ? "has no window" : $"has no model '{onlyModel}'; it has {string.Join(", ", models)}");
    }

    private static ArrivalLaw Law(CsvColumns columns)
    {
        var kind = columns.Text(4) switch
        {
            "Gamma" => ArrivalKind.Gamma,
            "Weibull" => ArrivalKind.Weibull,
            _ => throw columns.Error(4, "Gamma or Weibull"),
        };
        // A shape below 1/100 has a coefficient of variation above 10: a mean that no replay would live to see.
        var shape = columns.Parameter(5);
        return new ArrivalLaw(kind, Math.Clamp(shape, kind == ArrivalKind.Gamma ? 0.01 : 0.1, 1_000));
    }

    private void ReadTokens(LineReader lines, string? onlyModel)
    {
        var columns = new CsvColumns(lines, TokenNames);
        for (var rows = 0; columns.MoveNext(); rows++)
        {
            if (rows == MaxRows)
                throw lines.Error(1, $"more than {MaxRows} rows");
            var model = columns.Text(0);
            if ((onlyModel is not null && model != onlyModel) || !_clients.TryGetValue((model, columns.Text(1)), out var client))
                continue;
            var period = client.Period(Micros(columns, 2));
            switch (columns.Text(3))
            {
                case "input_tokens": period.Input = Curve(columns); break;
                case "output_tokens": period.Output = Curve(columns); break;
                case "reason_ratio": period.ReasoningRatio = Curve(columns); break;
            }
        }
    }

    /// <summary>The table has no minimum; half of p10 stands for it.</summary>
    private static QuantileCurve Curve(CsvColumns columns)
    {
        double[] values = [0, columns.Parameter(4), columns.Parameter(5), columns.Parameter(6), columns.Parameter(7), columns.Parameter(8)];
        values[0] = values[1] / 2;
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] < values[i - 1])
                throw columns.Error(3 + i, $"at least the quantile before it, {values[i - 1].ToString(CultureInfo.InvariantCulture)}");
        }
        return values[^1] <= 1e12 ? new QuantileCurve(Levels, values) : throw columns.Error(8, "at most 1e12");
    }

    /// <summary>Some clients have no sizes of their own (55 of the published ones): they take those of their model's busiest client that has.</summary>
    private static void LendSizes(List<ServeGenClient> clients, string file)
    {
        foreach (var ofModel in clients.GroupBy(c => c.Model, StringComparer.Ordinal))
        {
            foreach (var client in ofModel)
                client.DropHalfPeriods();
            var lender = ofModel.Where(c => c.HasSizes).MaxBy(c => c.Windows.Sum(w => w.RequestsPerSecond))
                ?? throw new TraceException(file, $"no client of model '{ofModel.Key}' has input_tokens and output_tokens; is this the file that belongs to the windows?");
            foreach (var client in ofModel.Where(c => !c.HasSizes))
                client.Borrow(lender);
        }
    }

    private static long Micros(CsvColumns columns, int name)
    {
        var seconds = columns.Parameter(name);
        return seconds <= 1e9 ? (long)(seconds * 1e6) : throw columns.Error(name, "at most 1e9 seconds");
    }
}
