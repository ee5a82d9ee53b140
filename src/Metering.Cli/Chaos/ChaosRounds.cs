using Metering.Cli.Commands;
using Metering.Cli.Workload;
using Metering.ClickHouse.Ledger;

namespace Metering.Cli.Chaos;

/// <summary>A round: all runs and data flows; a blow; who survives takes over; what is dead starts again, and data flows through it.</summary>
internal sealed class ChaosRounds(ChaosFleet fleet, ChaosDeck deck, ChaosCheck check, ChaosAftermath aftermath, IReadOnlyList<ChaosSource> sources, ulong seed, TimeProvider time)
{
    private const string OpenTransactions = "metering_meter_transactions_open", OpenPlans = "metering_sink_plans_open";

    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongestRun = TimeSpan.FromSeconds(2);

    /// <summary>Longer than any session and any transaction: the sleeper is fenced in every way there is.</summary>
    private static readonly TimeSpan LongestSession = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan AwakeFor = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SettlesWithin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>Longer than a transaction lives that nobody ends, and a takeover after it.</summary>
    private static readonly TimeSpan HangsAfter = TimeSpan.FromSeconds(30);

    /// <summary>Of waiting for a transaction or an insert to aim at: there are many a second.</summary>
    private static readonly TimeSpan AimsFor = TimeSpan.FromSeconds(5);

    private int _hangingAborted;

    public async Task<ChaosRoundLine> PlayAsync(int round, CancellationToken cancellationToken)
    {
        _hangingAborted = 0;
        var blow = deck.Deal(round);
        var random = SeededRandom.For(seed, (ulong)round);
        var (moment, which) = ((blow.In == "start" ? LongestStart : LongestRun) * random.NextDouble(), random.NextDouble());
        var started = time.GetTimestamp();
        if (blow.In != "start")
            await Task.Delay(moment, time, cancellationToken);
        var fallen = await (blow.Victim switch
        {
            "broker" => HitBrokerAsync(1 + (int)(which * fleet.Kafka!.Nodes), cancellationToken),
            "all" => KillAllAsync(),
            "up" => KillUpAsync(blow, moment, cancellationToken),
            _ when blow.In == "pause" => SleepAsync(blow.NeedsMeter ? fleet.Meter! : fleet.Sink!, cancellationToken),
            _ => KillAsync(blow, cancellationToken),
        });
        var starts = await fleet.WholeAsync(cancellationToken);
        await HoldsAsync(fallen.Published, SettlesWithin, cancellationToken);
        var held = (await check.EventsAsync(cancellationToken)).Values.Aggregate(ChaosFigures.None, static (sum, figures) => sum + figures);
        return new ChaosRoundLine(round, blow.Name, blow.Victim, blow.In, (long)moment.TotalMilliseconds, fallen.LeftOpen, Seconds(fallen.Takeover), Seconds(Longest(starts, static s => s.Ready)),
            Seconds(fallen.Flow ?? Longest(starts, static s => s.Flow)), sources.Sum(static source => source.Published.Events), held.Events, held.Events - held.Distinct, Seconds(time.GetElapsedTime(started))!.Value)
        {
            HangingAborted = _hangingAborted == 0 ? null : _hangingAborted,
        };
    }

    /// <param name="Published">By source, when the blow fell: what must be in the ledger at the round's end.</param>
    /// <param name="Takeover">From the blow until the ledger held that, by the work of the others; null when there were none.</param>
    /// <param name="LeftOpen">How many transactions or plans the victim left open; null when none were aimed at.</param>
    /// <param name="Flow">Of a broker without others: from its return.</param>
    private sealed record Fallen(IReadOnlyDictionary<string, long> Published, TimeSpan? Takeover = null, int? LeftOpen = null, TimeSpan? Flow = null);

    private async Task<Fallen> KillAllAsync()
    {
        await Task.WhenAll([fleet.KillAsync(up: true, meter: true, sink: true), .. Enumerable.Range(1, fleet.Kafka?.Nodes ?? 0).Select(node => fleet.Kafka!.KillAsync(node))]);
        return new(Published());
    }

    private async Task<Fallen> KillUpAsync(ChaosBlow blow, TimeSpan moment, CancellationToken cancellationToken)
    {
        await fleet.KillAsync(up: true);
        if (blow.In == "start")
            await fleet.KillInStartAsync(moment, cancellationToken);
        return new(Published());
    }

    private async Task<Fallen> KillAsync(ChaosBlow blow, CancellationToken cancellationToken)
    {
        if (blow.In == "transaction")
            await AimAsync(fleet.Meter!, OpenTransactions, cancellationToken);
        if (blow.In == "insert")
            await AimAsync(fleet.Sink!, OpenPlans, cancellationToken);
        await fleet.KillAsync(meter: blow.NeedsMeter, sink: blow.NeedsSink);
        var (hit, published) = (time.GetTimestamp(), Published());
        int? leftOpen = blow.In switch { "transaction" => await aftermath.OpenTransactionsAsync(), "insert" => await aftermath.OpenPlansAsync(), _ => null };
        await HoldsAsync(published, SettlesWithin, cancellationToken);
        return new(published, time.GetElapsedTime(hit), leftOpen);
    }

    private async Task<Fallen> SleepAsync(ChaosChild sleeper, CancellationToken cancellationToken)
    {
        sleeper.Pause();
        var (hit, published) = (time.GetTimestamp(), Published());
        await HoldsAsync(published, SettlesWithin, cancellationToken);
        var takeover = time.GetElapsedTime(hit);
        if (LongestSession - time.GetElapsedTime(hit) is var left && left > TimeSpan.Zero)
            await Task.Delay(left, time, cancellationToken);
        sleeper.Resume();
        await Task.Delay(AwakeFor, time, cancellationToken);
        return new(published, takeover);
    }

    /// <summary>With others the flow must go on without it; a lone one is waited for, and everything must go on then.</summary>
    private async Task<Fallen> HitBrokerAsync(int node, CancellationToken cancellationToken)
    {
        await fleet.Kafka!.KillAsync(node);
        var hit = time.GetTimestamp();
        if (fleet.Kafka.Nodes > 1)
        {
            var published = Published();
            await HoldsAsync(published, SettlesWithin, cancellationToken);
            return new(published, time.GetElapsedTime(hit));
        }
        await fleet.Kafka.StartDeadAsync(cancellationToken);
        var (back, waiting) = (time.GetTimestamp(), Published());
        await HoldsAsync(waiting, SettlesWithin, cancellationToken);
        return new(waiting, Flow: time.GetElapsedTime(back));
    }

    /// <summary>Waits for the moment to kill in, which is the next thing that happens.</summary>
    private async Task AimAsync(ChaosChild victim, string gauge, CancellationToken cancellationToken)
    {
        for (var since = time.GetTimestamp(); time.GetElapsedTime(since) < AimsFor;)
        {
            if (await victim.MetricAsync(gauge, cancellationToken) > 0)
                return;
        }
    }

    private Dictionary<string, long> Published() => sources.ToDictionary(static source => source.Name, static source => source.Published.Events, StringComparer.Ordinal);

    private async Task HoldsAsync(IReadOnlyDictionary<string, long> published, TimeSpan within, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        for (var mayHang = fleet.Kafka is not null; ; await Task.Delay(LookEvery, time, cancellationToken))
        {
            fleet.ThrowIfEnded();
            var missing = await MissingAsync(published, cancellationToken);
            if (missing.Count == 0)
                return;
            if (mayHang && time.GetElapsedTime(since) > HangsAfter)
            {
                mayHang = false;
                var aborted = await fleet.Kafka!.AbortHangingAsync(HangsAfter / 2, cancellationToken);
                (_hangingAborted, since) = (_hangingAborted + aborted, aborted > 0 ? time.GetTimestamp() : since);
            }
            if (time.GetElapsedTime(since) > within)
                throw new CommandFailedException($"after {within.TotalSeconds:N0} s the ledger does not hold what was published before the blow: {string.Join(", ", missing)}");
        }
    }

    private async Task<List<string>> MissingAsync(IReadOnlyDictionary<string, long> published, CancellationToken cancellationToken)
    {
        try
        {
            var held = await check.CountsAsync(cancellationToken);
            return [.. published.Where(source => held.GetValueOrDefault(source.Key) < source.Value).Select(source => FormattableString.Invariant($"{source.Key} {held.GetValueOrDefault(source.Key)} of {source.Value}"))];
        }
        catch (LedgerException error)
        {
            return [error.Message]; // busy, or its process has ended: the next look tells
        }
    }

    private static TimeSpan? Longest(List<ChaosStart> starts, Func<ChaosStart, TimeSpan> of) => starts.Count == 0 ? null : starts.Max(of);

    private static decimal? Seconds(TimeSpan? span) => span is { } some ? decimal.Round((decimal)some.TotalSeconds, 2) : null;
}
