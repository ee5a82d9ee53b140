using Metering.Cli.Commands;
using Metering.Cli.Settings;

namespace Metering.Cli.Chaos;

/// <summary>What may be hit: an <c>up</c>, which brings the ledger and the registry (and the broker, unless a Kafka is named or chaos's
/// own), and runs both stages; beside it a <c>pipeline</c> with METER alone and one with SINK alone, which share its partitions.</summary>
internal sealed class ChaosFleet(ChaosSetup setup, ChaosKafka? kafka, IReadOnlyList<ChaosBlow> kinds, TimeProvider time) : IAsyncDisposable
{
    private const string MeterCounter = "metering_meter_events_metered_total", SinkCounter = "metering_sink_rows_total";

    private static readonly TimeSpan FlowsWithin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    private readonly bool _hasMeter = kinds.Any(static kind => kind.NeedsMeter);
    private readonly bool _hasSink = kinds.Any(static kind => kind.NeedsSink);

    public ChaosChild? Up { get; private set; }

    public ChaosChild? Meter { get; private set; }

    public ChaosChild? Sink { get; private set; }

    public ChaosKafka? Kafka => kafka;

    private IEnumerable<ChaosChild> Alive => new[] { Up, Meter, Sink }.OfType<ChaosChild>();

    /// <summary>Starts what does not run, all at once, and waits until each is ready and has done work of its own.</summary>
    /// <returns>What was started.</returns>
    public async Task<List<ChaosStart>> WholeAsync(CancellationToken cancellationToken)
    {
        if (kafka is not null)
            await kafka.StartDeadAsync(cancellationToken);
        var starting = new List<Task<ChaosStart>>();
        if (Up is null)
            starting.Add(FollowAsync("up", Up = StartUp(), [MeterCounter, SinkCounter], cancellationToken));
        if (_hasMeter && Meter is null)
            starting.Add(FollowAsync("meter", Meter = ChaosChild.Start("pipeline", "meter", setup.OfPipeline(Stages.Meter), setup.Folder), [MeterCounter], cancellationToken));
        if (_hasSink && Sink is null)
            starting.Add(FollowAsync("sink", Sink = ChaosChild.Start("pipeline", "sink", setup.OfPipeline(Stages.Sink), setup.Folder), [SinkCounter], cancellationToken));
        return [.. await Task.WhenAll(starting)];
    }

    /// <summary>kill -9 of those, in the same moment.</summary>
    public async Task KillAsync(bool up = false, bool meter = false, bool sink = false)
    {
        var killed = new[] { up ? Up : null, meter ? Meter : null, sink ? Sink : null }.OfType<ChaosChild>().ToArray();
        await Task.WhenAll(killed.Select(static child => child.KillAsync()));
        foreach (var child in killed)
            await child.DisposeAsync();
        (Up, Meter, Sink) = (up ? null : Up, meter ? null : Meter, sink ? null : Sink);
    }

    /// <summary>An <c>up</c> that is killed before it is ready, where the last one was.</summary>
    public async Task KillInStartAsync(TimeSpan moment, CancellationToken cancellationToken)
    {
        Up = StartUp();
        await Task.Delay(moment, time, cancellationToken);
        await KillAsync(up: true);
    }

    /// <exception cref="CommandFailedException">One has ended by itself.</exception>
    public void ThrowIfEnded()
    {
        foreach (var child in Alive)
            child.ThrowIfEnded();
    }

    /// <summary>Stops what runs, as a supervisor does.</summary>
    /// <returns>What went wrong, one sentence each.</returns>
    public async Task<List<string>> StopAsync(CancellationToken cancellationToken)
    {
        var problems = new List<string>();
        // up last: the others cannot commit their last interval without its broker and ledger.
        foreach (var (role, child) in new[] { ("meter", Meter), ("sink", Sink), ("up", Up) })
        {
            if (child is not null && await child.StopAsync(cancellationToken) is not ExitCodes.Done and var code)
                problems.Add(FormattableString.Invariant($"{role} {(code is null ? "did not end" : $"ended with {code}")} when it was told to stop; its log is in {setup.Folder}"));
        }
        return problems;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var child in Alive)
            await child.DisposeAsync();
    }

    private ChaosChild StartUp() => ChaosChild.Start("up", "up", setup.OfUp(), setup.Folder);

    private async Task<ChaosStart> FollowAsync(string role, ChaosChild child, string[] counters, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        await child.ReadyAsync(cancellationToken);
        var ready = time.GetTimestamp();
        foreach (var counter in counters)
        {
            while (await child.MetricAsync(counter, cancellationToken) is null or 0)
            {
                ThrowIfEnded();
                if (time.GetElapsedTime(ready) > FlowsWithin)
                    throw new CommandFailedException($"{role} is ready, and {counter} stands at 0 for {FlowsWithin.TotalSeconds:N0} s; the logs are in {setup.Folder}");
                await Task.Delay(LookEvery, time, cancellationToken);
            }
        }
        return new ChaosStart(role, time.GetElapsedTime(started, ready), time.GetElapsedTime(ready));
    }
}

/// <summary>One process's start.</summary>
/// <param name="Ready">From its start until it said that it is ready.</param>
/// <param name="Flow">From then until each of its stages had done work.</param>
internal sealed record ChaosStart(string Role, TimeSpan Ready, TimeSpan Flow);
