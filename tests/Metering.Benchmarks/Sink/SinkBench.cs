using System.Diagnostics;
using System.Globalization;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;

namespace Metering.Benchmarks.Sink;

/// <summary>
/// SINK into the embedded engine, against that engine inserting the same Native blocks of the same size directly: one
/// statement after the other, blocks encoded beforehand. That is done with the engine's own settings and with those that
/// SINK must use; the worse of both ratios counts. Real tables with their roll-ups, blocks made by METER. Rounds
/// alternate on emptied tables; a ratio is the median of the rounds' own. (The faster way of each single round would be
/// no baseline: the larger of two disturbed values is too large.)
/// </summary>
public static class SinkBench
{
    private const string Bench = "sink";
    private const string Baseline = "the engine inserting the same blocks directly, the faster of two ways";
    private const double Goal = 0.8;
    private const int Events = 320_000;
    private const int RoundCount = 5;

    /// <summary>No round begins after this: a busy machine makes fewer rounds, not a longer benchmark.</summary>
    private static readonly TimeSpan RoundsBudget = TimeSpan.FromSeconds(50);

    // What SINK does after a pause (as much as a plan takes), and in the flow: 200 ms at 200,000 events/s.
    private static readonly (string Name, SinkOptions Options)[] Plans =
    [
        ("full plans", new SinkOptions()),
        ("plans of 40,000 rows", new SinkOptions { MaxPlanRows = 40_000 }),
    ];

    public static IReadOnlyList<Figure> Run() => ChdbLibrary.TryFind() is null
        ? [new Figure(Bench, "full plans, ratio", 0, "x", Baseline, Goal, Met: false, "the embedded ClickHouse is not on this machine (./metering doctor)")]
        : RunAsync().GetAwaiter().GetResult();

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("metering-bench-sink-");
        try
        {
            await using var ledger = await EmbeddedLedger.StartAsync(new EmbeddedEngineOptions { Directory = folder.FullName });
            await new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None);
            var blocks = await FleetBlocks.MakeAsync(Events, TimeProvider.System.GetUtcNow().AddMinutes(-1));
            var figures = new List<Figure>
            {
                Figure.Told(Bench, "rows of a block, mean", blocks.Where(block => block.IsCounted).Average(block => block.Rows), "rows"),
                Figure.Told(Bench, "bytes of a row in its block", blocks.Where(block => block.IsCounted).Sum(block => (double)block.Bytes.Length) / Events, "B"),
            };
            await WarmUpAsync(ledger, blocks);
            foreach (var (name, options) in Plans)
                figures.AddRange(await MeasureAsync(ledger, blocks, name, options));
            figures.Add(await MeasureTopicAsync(ledger, blocks));
            return figures;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Task<double> WarmUpAsync(EmbeddedLedger ledger, IReadOnlyList<MeteredBlock> blocks) =>
        TimeAsync(ledger, () => SinkRun.RunAsync(blocks, ledger, Plans[0].Options, "warm-up"));

    private static async Task<IReadOnlyList<Figure>> MeasureAsync(EmbeddedLedger ledger, IReadOnlyList<MeteredBlock> blocks, string name, SinkOptions options)
    {
        var recording = new RecordingLedger();
        await SinkRun.RunAsync(blocks, recording, options, "recorded");
        List<double> sink = [], plain = [], pinned = [];
        var begun = Stopwatch.GetTimestamp();
        for (var round = 0; round < RoundCount && (round == 0 || Stopwatch.GetElapsedTime(begun) < RoundsBudget); round++)
        {
            var roundId = string.Create(CultureInfo.InvariantCulture, $"{name} {round}");
            plain.Add(await TimeAsync(ledger, () => InsertPlainlyAsync(ledger.Engine, recording.Inserts)));
            sink.Add(await TimeAsync(ledger, () => SinkRun.RunAsync(blocks, ledger, options, roundId)));
            pinned.Add(await TimeAsync(ledger, () => InsertPinnedAsync(ledger, recording.Inserts, roundId)));
        }
        return
        [
            Figure.Told(Bench, name + ": rows of an insert, mean", Events / (double)recording.Inserts.Count(insert => insert.Table == "metering.token_events"), "rows"),
            Figure.Told(Bench, name + ": SINK", Rounds.Median(sink), "rows/s"),
            Figure.Told(Bench, name + ": engine, its own settings", Rounds.Median(plain), "rows/s"),
            Figure.Told(Bench, name + ": engine, SINK's settings", Rounds.Median(pinned), "rows/s"),
            Figure.AtLeast(Bench, name + ", ratio", Math.Min(Ratio(sink, plain), Ratio(sink, pinned)), "x", Goal, Baseline),
        ];
    }

    private static double Ratio(List<double> ours, List<double> theirs) => Rounds.Median(ours.Zip(theirs, (our, their) => our / their));

    private static async Task<Figure> MeasureTopicAsync(EmbeddedLedger ledger, IReadOnlyList<MeteredBlock> blocks)
    {
        const string Name = "full plans: SINK from a topic of a real Kafka";
        if (!TopicRun.IsPossible)
            return new Figure(Bench, Name, 0, "rows/s", null, null, Met: true, "skipped: no Kafka (METERING_TEST_KAFKA, or METERING_SHARED with kafka/kafka)");
        await EmptyAsync(ledger);
        var elapsed = await TopicRun.MeasureAsync(blocks, ledger);
        await CheckAsync(ledger);
        return Figure.Told(Bench, Name, Events / elapsed.TotalSeconds, "rows/s");
    }

    private static async Task InsertPlainlyAsync(EmbeddedEngine engine, IReadOnlyList<LedgerInsert> inserts)
    {
        foreach (var insert in inserts)
        {
            // Else the engine would know the data again from the round before.
            var sql = $"INSERT INTO {insert.Table} ({string.Join(", ", insert.Columns)}) SETTINGS insert_deduplicate = 0";
            await engine.InsertAsync(new EmbeddedInsert(sql), insert.Blocks);
        }
    }

    private static async Task InsertPinnedAsync(EmbeddedLedger ledger, IReadOnlyList<LedgerInsert> inserts, string roundId)
    {
        foreach (var insert in inserts)
            await ledger.InsertAsync(insert with { Token = insert.Token + roundId });
    }

    /// <summary>Rows a second, of events, into empty tables.</summary>
    private static async Task<double> TimeAsync(EmbeddedLedger ledger, Func<Task> insert)
    {
        await EmptyAsync(ledger);
        var start = Stopwatch.GetTimestamp();
        await insert();
        var elapsed = Stopwatch.GetElapsedTime(start);
        await CheckAsync(ledger);
        return Events / elapsed.TotalSeconds;
    }

    private static async Task EmptyAsync(EmbeddedLedger ledger)
    {
        foreach (var table in (string[])["token_events", "usage_1s", "usage_1m", "usage_1h", "source_accounts"])
            await ledger.ExecuteAsync("TRUNCATE TABLE metering." + table);
    }

    private static async Task CheckAsync(EmbeddedLedger ledger)
    {
        foreach (var sql in (string[])["SELECT count() FROM metering.token_events", "SELECT sum(requests) FROM metering.usage_1m"])
        {
            var held = (await ledger.RowsAsync(sql))[0][0];
            if (held != Events.ToString(CultureInfo.InvariantCulture))
                throw new InvalidOperationException($"{Events} events were inserted, {sql} says {held}");
        }
    }
}
