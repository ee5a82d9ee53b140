using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;

namespace Metering.Benchmarks.Native;

/// <summary>
/// The Native encoder on rows of a token event's shape against RowBinary by a BinaryWriter on the same rows, and what
/// the embedded engine takes of both, by batch size. Rounds alternate in one process; a figure is their median.
/// </summary>
public static class NativeBench
{
    private const string Bench = "native";
    private const string Baseline = "RowBinary by BinaryWriter";
    private const int RowCount = 200_000;
    private const int RowsPerBlock = 5_000;
    private const int Rounds = 7;

    private static readonly int[] Batches = [10_000, 100_000, 200_000];

    public static IReadOnlyList<Figure> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        var rows = new NativeRows(RowCount, seed: 20261124);
        var native = new NativeEncoder(rows);
        var rowBinary = new RowBinaryEncoder(rows);
        List<Figure> figures = [.. MeasureEncoders(native, rowBinary)];
        if (ChdbLibrary.TryFind() is null)
        {
            figures.Add(new Figure(Bench, "insert into the engine", 0, "rows/s", null, null, Met: false, "the embedded ClickHouse is not on this machine (./metering doctor)"));
            return figures;
        }
        figures.AddRange(await MeasureInsertsAsync(native, rowBinary).ConfigureAwait(false));
        return figures;
    }

    private static IEnumerable<Figure> MeasureEncoders(NativeEncoder native, RowBinaryEncoder rowBinary)
    {
        var output = new ArrayBufferWriter<byte>(4 << 20);
        using var stream = new MemoryStream(4 << 20);
        var warm = Stopwatch.StartNew();
        while (warm.Elapsed < TimeSpan.FromSeconds(2))
        {
            NativePass();
            RowBinaryPass();
        }
        var ours = new List<double>();
        var theirs = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            ours.Add(RowsPerSecond(NativePass));
            theirs.Add(RowsPerSecond(RowBinaryPass));
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        NativePass();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return
        [
            Figure.Told(Bench, "columns", native.Block.Columns.Count, "columns"),
            Figure.Told(Bench, "encoder", Median(ours), "rows/s"),
            Figure.Told(Bench, Baseline, Median(theirs), "rows/s"),
            new Figure(Bench, "encoder, ratio", Median(ours) / Median(theirs), "x", Baseline, null, true),
            Figure.AtMost(Bench, "bytes allocated", (double)allocated / RowCount, "B/row", 0),
            Figure.Told(Bench, "Native block of 5,000 rows", output.WrittenCount / (double)RowsPerBlock, "B/row"),
            Figure.Told(Bench, "the same as RowBinary", stream.Length / (double)RowsPerBlock, "B/row"),
        ];

        void NativePass()
        {
            for (var from = 0; from < RowCount; from += RowsPerBlock)
            {
                output.ResetWrittenCount();
                native.Encode(from, from + RowsPerBlock, output);
            }
        }

        void RowBinaryPass()
        {
            for (var from = 0; from < RowCount; from += RowsPerBlock)
            {
                stream.SetLength(0);
                rowBinary.Encode(from, from + RowsPerBlock, stream);
            }
        }
    }

    private static async Task<List<Figure>> MeasureInsertsAsync(NativeEncoder native, RowBinaryEncoder rowBinary)
    {
        var folder = Directory.CreateTempSubdirectory("metering-bench-");
        var figures = new List<Figure>();
        try
        {
            await using var ledger = await EmbeddedLedger.StartAsync(new EmbeddedEngineOptions { Directory = folder.FullName }).ConfigureAwait(false);
            var columns = native.Block.Columns;
            await ledger.ExecuteAsync(
                $"CREATE TABLE events ({string.Join(", ", columns.Select(c => $"`{c.Name}` {c.Type}"))}) ENGINE = MergeTree ORDER BY (source, epoch, sequence)").ConfigureAwait(false);
            string[] names = [.. columns.Select(c => c.Name)];
            foreach (var batch in Batches)
            {
                var (ours, theirs) = await MeasureBatchAsync(ledger, names, native, rowBinary, batch).ConfigureAwait(false);
                var label = string.Create(CultureInfo.InvariantCulture, $"insert of {batch:N0} rows");
                figures.Add(Figure.Told(Bench, label + ", Native", ours, "rows/s"));
                figures.Add(Figure.Told(Bench, label + ", RowBinary", theirs, "rows/s"));
                figures.Add(new Figure(Bench, label + ", ratio", ours / theirs, "x", "RowBinary into the same table", null, true));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        return figures;
    }

    private static async Task<(double Native, double RowBinary)> MeasureBatchAsync(
        EmbeddedLedger ledger, string[] columns, NativeEncoder native, RowBinaryEncoder rowBinary, int batch)
    {
        var blocks = new List<ReadOnlyMemory<byte>>();
        for (var from = 0; from < batch; from += RowsPerBlock)
        {
            var output = new ArrayBufferWriter<byte>();
            native.Encode(from, from + RowsPerBlock, output);
            blocks.Add(output.WrittenMemory);
        }
        using var stream = new MemoryStream();
        rowBinary.Encode(0, batch, stream);
        ReadOnlyMemory<byte>[] plain = [stream.ToArray()];
        var insert = new EmbeddedInsert($"INSERT INTO events ({string.Join(", ", columns.Select(SqlText.Identifier))})", "RowBinary");

        var ours = new List<double>();
        var theirs = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            await ledger.InsertAsync(new LedgerInsert("events", blocks, columns, $"{batch} {round}")).ConfigureAwait(false);
            ours.Add(batch / Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
            await ledger.Engine.InsertAsync(insert, plain).ConfigureAwait(false);
            theirs.Add(batch / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        await ledger.ExecuteAsync("TRUNCATE TABLE events").ConfigureAwait(false);
        return (Median(ours), Median(theirs));
    }

    private static double RowsPerSecond(Action pass)
    {
        var start = Stopwatch.GetTimestamp();
        pass();
        return RowCount / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
