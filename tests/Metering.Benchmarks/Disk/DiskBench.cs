using System.Globalization;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Migrations;

namespace Metering.Benchmarks.Disk;

/// <summary>Bytes on disk per event in <c>metering.token_events</c>, merged, of a real engine with the real migrations.
/// The ids that others chose are random and measured apart: no table can make them smaller. The goal holds for the busy fleet, and
/// narrowly; the others show what more noise costs.</summary>
public static class DiskBench
{
    private const string Name = "disk";
    private const double GoalBytes = 16;
    private const int Events = 2_000_000, EventsAnInsert = 250_000;
    private const string ForeignIds = "'request_id', 'parent_request_id', 'lease_id', 'user'";
    private const string OfParts = "database = 'metering' AND table = 'token_events' AND active";

    /// <summary>Loads, merges and measures. About 20 seconds and 200 MB under the temporary folder.</summary>
    public static IReadOnlyList<Figure> Run()
    {
        if (ChdbLibrary.TryFind() is null)
            return [new Figure(Name, "own columns", 0, "B/event", null, GoalBytes, Met: false, "the embedded ClickHouse is not on this machine (./metering doctor)")];
        return RunAsync().GetAwaiter().GetResult(); // the list of benchmarks is synchronous; nothing else runs here
    }

    private static async Task<IReadOnlyList<Figure>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("metering-bench-disk-");
        try
        {
            await using var ledger = await EmbeddedLedger.StartAsync(new EmbeddedEngineOptions { Directory = folder.FullName });
            await new Migrator(ledger, TimeProvider.System).ApplyAsync(CancellationToken.None);
            var figures = new List<Figure>();
            foreach (var fleet in new[] { Fleet.Busy, Fleet.Slow, Fleet.Own })
            {
                await LoadAsync(ledger, fleet);
                figures.AddRange(await MeasureAsync(ledger, fleet));
            }
            return figures;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task LoadAsync(EmbeddedLedger ledger, Fleet fleet)
    {
        await ledger.ExecuteAsync("TRUNCATE TABLE metering.token_events");
        for (var from = 0; from < Events; from += EventsAnInsert)
            await ledger.ExecuteAsync(FleetEvents.Insert(fleet, "metering.token_events", from, EventsAnInsert));
        await ledger.ExecuteAsync("OPTIMIZE TABLE metering.token_events FINAL");
    }

    private static async Task<IReadOnlyList<Figure>> MeasureAsync(EmbeddedLedger ledger, Fleet fleet)
    {
        var parts = await NumbersAsync(ledger, $"SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE {OfParts}");
        var foreign = await NumbersAsync(ledger, $"SELECT sum(column_data_compressed_bytes) FROM system.parts_columns WHERE {OfParts} AND column IN ({ForeignIds})");
        if (parts[0] != Events)
            throw new InvalidOperationException($"{Events} events were inserted, the table holds {parts[0]}");
        // All else the part has, so with its marks and indexes.
        var own = (parts[1] - foreign[0]) / (double)Events;
        var name = fleet.Name + ": own columns, marks and indexes";
        if (fleet != Fleet.Busy)
            return [Figure.Told(Name, name, own, "B/event")];
        var figures = new List<Figure>
        {
            Figure.AtMost(Name, name, own, "B/event", GoalBytes),
            Figure.Told(Name, "foreign ids (random UUIDs)", foreign[0] / (double)Events, "B/event"),
        };
        foreach (var row in await ledger.RowsAsync($"SELECT column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns WHERE {OfParts} AND column NOT IN ({ForeignIds}) GROUP BY column HAVING bytes * 100 >= {Events} ORDER BY bytes DESC"))
            figures.Add(Figure.Told(Name, "column " + row[0], long.Parse(row[1], CultureInfo.InvariantCulture) / (double)Events, "B/event"));
        return figures;
    }

    private static async Task<long[]> NumbersAsync(EmbeddedLedger ledger, string sql) =>
        [.. (await ledger.RowsAsync(sql))[0].Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
}
