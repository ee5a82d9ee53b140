using System.Globalization;
using Metering.ClickHouse.Ledger;
using Metering.Cli.Output;
using Metering.Core.Reconciliation;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Sink;

namespace Metering.Cli.Hosting;

/// <summary>The live table's totals, read from the ledger once a second: what it shows can be queried. METER's accounts
/// and the sources' reports say what is published and not there yet.</summary>
internal sealed class LiveLedger(PipelineHost pipeline, ServiceWait wait, TimeProvider time)
{
    private RunningTotals _last = new();
    private LedgerOrigin? _origin;

    public async Task<RunningTotals> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            _last = await ReadLedgerAsync(cancellationToken);
        }
        catch (Exception error) when (error is LedgerException or SchemaSourceAwayException) // readiness tells of it; the table shows the last known totals
        {
            _last = _last with { LedgerRows = -1 };
        }
        var sinkSince = SinkStatus.Select(status => status.OldestWaiting).Where(since => since is not null).DefaultIfEmpty(null).Min();
        var since = pipeline.Meter is { } meter && PipelineLag.MeterSince(meter) is { } meterSince && (sinkSince is null || meterSince < sinkSince) ? meterSince : sinkSince;
        return _last with
        {
            LagRecords = MeterTasks.Sum(task => Math.Max(0, task.Lag)),
            LagMs = since is { } behind ? Math.Max(0, (long)(time.GetUtcNow() - behind).TotalMilliseconds) : 0,
            WaitingFor = [.. wait.Waiting, .. Problems()],
        };
    }

    private IEnumerable<Metering.Kafka.Tasks.TaskStatus> MeterTasks => pipeline.Meter?.Tasks ?? [];

    private IEnumerable<SinkStatus> SinkStatus => pipeline.Sink?.Stage.Status ?? [];

    private IEnumerable<string> Problems()
    {
        if (pipeline.Meter?.Context.Schemas.Problem is { } registry)
            yield return registry;
        foreach (var task in MeterTasks.Where(task => task.Reason is not null))
            yield return string.Create(CultureInfo.InvariantCulture, $"METER partition {task.Partition}: {task.Reason}");
        if (pipeline.Sink?.Stage.Behind is { } behind)
            yield return string.Create(CultureInfo.InvariantCulture, $"SINK to catch up: {behind.Behind} behind, {behind.RowsPerSecond:N0} rows/s, {(behind.Left is { } left ? $"about {left} left" : "comes no nearer")}");
        foreach (var status in SinkStatus.Where(status => status.Problem is not null))
            yield return string.Create(CultureInfo.InvariantCulture, $"SINK partition {status.Partition}: {status.Problem}");
    }

    private async Task<RunningTotals> ReadLedgerAsync(CancellationToken cancellationToken)
    {
        // Without SINK nobody here has claimed the origin: it is looked up, and null until a SINK has begun.
        _origin ??= pipeline.Sink?.Origin ?? await LedgerBooks.OriginAsync(pipeline.Ledger, pipeline.Kafka.Topic(MeteredBlock.Topic), cancellationToken);
        if (_origin is null)
            return new RunningTotals();
        var balances = LedgerBooks.Balances(await LedgerBooks.AccountsAsync(pipeline.Ledger, _origin, cancellationToken), pipeline.Reports.Newest.Values);
        var tenants = await GroupsAsync("tenant", cancellationToken);
        return new RunningTotals
        {
            Published = balances.Sum(b => b.Published),
            Received = balances.Sum(b => b.Received),
            Metered = balances.Sum(b => b.Metered),
            Rejected = balances.Sum(b => b.Rejected),
            Duplicate = balances.Sum(b => b.Duplicate),
            InFlight = balances.Sum(b => b.InFlight),
            Lost = balances.Sum(b => b.Lost),
            InputTokens = tenants.Sum(t => t.InputTokens),
            OutputTokens = tenants.Sum(t => t.OutputTokens),
            CostPicoUsd = tenants.Aggregate(Int128.Zero, (sum, t) => sum + t.CostPicoUsd),
            LedgerRows = Number((await pipeline.Ledger.RowsAsync("SELECT count() FROM metering.token_events", cancellationToken))[0][0]),
            Tenants = tenants,
            Models = await GroupsAsync("model", cancellationToken),
        };
    }

    private async Task<List<GroupTotals>> GroupsAsync(string dimension, CancellationToken cancellationToken) =>
        [.. (await pipeline.Ledger.RowsAsync($"SELECT {dimension}, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_pico_usd) FROM metering.usage_1h WHERE {LedgerBooks.Of(_origin)} GROUP BY {dimension}", cancellationToken))
            .Select(row => new GroupTotals(row[0], Number(row[1]), Number(row[2]), Number(row[3]), Int128.Parse(row[4], CultureInfo.InvariantCulture)))];

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
