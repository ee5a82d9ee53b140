using System.Globalization;
using Metering.Cli.Commands;
using Metering.Cli.Workload;

namespace Metering.Cli.Chaos;

/// <summary>What is killed: an <c>up</c>, which brings the ledger (and the broker, unless one is named), and a <c>pipeline</c> that
/// shares METER's and SINK's partitions with it. A round kills either with -9, or puts the pipeline to sleep until its
/// partitions are another's, and wakes it.</summary>
internal sealed class ChaosFleet(ChaosSetup setup, ChaosCheck check, IReadOnlyList<ChaosSource> sources, ulong seed, TimeProvider time) : IAsyncDisposable
{
    // Of a round's one draw; the rest are kills of up after it was ready.
    private const double KillsInStart = 0.15, KillsOfPipeline = 0.25, Pauses = 0.2;

    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongestRun = TimeSpan.FromSeconds(4);

    /// <summary>Longer than any session: the sleeper is fenced in every way there is.</summary>
    private static readonly TimeSpan LongestSession = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan AwakeFor = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TakenOverWithin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    private ChaosChild? _up, _pipeline;

    public async Task<ChaosRoundLine> RoundAsync(int round, CancellationToken cancellationToken)
    {
        var random = SeededRandom.For(seed, (ulong)round);
        var (kind, moment) = (random.NextDouble(), random.NextDouble());
        return kind switch
        {
            < KillsInStart => await KillStartingUpAsync(round, LongestStart * moment, cancellationToken),
            < KillsInStart + KillsOfPipeline => await HitPipelineAsync(round, LongestRun * moment, pause: false, cancellationToken),
            < KillsInStart + KillsOfPipeline + Pauses => await HitPipelineAsync(round, LongestRun * moment, pause: true, cancellationToken),
            _ => await KillUpAsync(round, LongestRun * moment, cancellationToken),
        };
    }

    /// <summary>The <c>up</c> that runs, or a new one; ready.</summary>
    /// <returns>How long a new one took, in seconds.</returns>
    public async Task<decimal?> UpAsync(CancellationToken cancellationToken)
    {
        if (_up is not null)
            return null;
        var started = time.GetTimestamp();
        _up = ChaosChild.Start("up", setup.OfUp(), setup.Folder);
        await _up.ReadyAsync(cancellationToken);
        return Seconds(started);
    }

    /// <summary>Stops what runs, as a supervisor does.</summary>
    /// <returns>What went wrong, one sentence each.</returns>
    public async Task<List<string>> StopAsync(CancellationToken cancellationToken)
    {
        var problems = new List<string>();
        // The pipeline first: it cannot commit its last interval without up's broker.
        foreach (var (role, child) in new[] { ("pipeline", _pipeline), ("up", _up) })
        {
            if (child is not null && await child.StopAsync(cancellationToken) is not ExitCodes.Done and var code)
                problems.Add($"{role} {(code is null ? "did not end" : string.Create(CultureInfo.InvariantCulture, $"ended with {code}"))} when it was told to stop; its log is in {setup.Folder}");
        }
        return problems;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var child in new[] { _pipeline, _up })
        {
            if (child is not null)
                await child.DisposeAsync();
        }
    }

    private async Task<ChaosRoundLine> KillStartingUpAsync(int round, TimeSpan moment, CancellationToken cancellationToken)
    {
        if (_up is not null)
            await KillAsync(_up);
        _up = ChaosChild.Start("up", setup.OfUp(), setup.Folder);
        await Task.Delay(moment, time, cancellationToken);
        await KillAsync(_up);
        _up = null;
        return Line(round, "up", "start", moment, null, null);
    }

    private async Task<ChaosRoundLine> KillUpAsync(int round, TimeSpan moment, CancellationToken cancellationToken)
    {
        var ready = await UpAsync(cancellationToken);
        await Task.Delay(moment, time, cancellationToken);
        await KillAsync(_up!);
        _up = null;
        return Line(round, "up", "run", moment, ready, null);
    }

    private async Task<ChaosRoundLine> HitPipelineAsync(int round, TimeSpan moment, bool pause, CancellationToken cancellationToken)
    {
        var ready = await UpAsync(cancellationToken);
        _pipeline ??= ChaosChild.Start("pipeline", setup.OfPipeline(), setup.Folder);
        await _pipeline.ReadyAsync(cancellationToken);
        await Task.Delay(moment, time, cancellationToken);
        var hit = time.GetTimestamp();
        if (pause)
        {
            _pipeline.Pause();
        }
        else
        {
            await KillAsync(_pipeline);
            _pipeline = null;
        }
        await TakenOverAsync(hit, cancellationToken);
        var takeover = Seconds(hit);
        if (_pipeline is { } sleeper)
            await WakeAsync(sleeper, hit, cancellationToken);
        return Line(round, "pipeline", pause ? "pause" : "run", moment, ready, takeover);
    }

    private async Task WakeAsync(ChaosChild sleeper, long since, CancellationToken cancellationToken)
    {
        if (LongestSession - time.GetElapsedTime(since) is var left && left > TimeSpan.Zero)
            await Task.Delay(left, time, cancellationToken);
        sleeper.Resume();
        await Task.Delay(AwakeFor, time, cancellationToken);
    }

    /// <summary>Waits until the ledger holds all that was published before the blow: another has the sleeper's partitions.</summary>
    private async Task TakenOverAsync(long since, CancellationToken cancellationToken)
    {
        var published = sources.ToDictionary(source => source.Name, source => source.Published.Events, StringComparer.Ordinal);
        while (true)
        {
            var held = await check.CountsAsync(cancellationToken);
            if (published.All(source => held.GetValueOrDefault(source.Key) >= source.Value))
                return;
            if (time.GetElapsedTime(since) > TakenOverWithin)
                throw new CommandFailedException($"nobody has taken over the pipeline's partitions within {TakenOverWithin.TotalSeconds} s; the logs are in {setup.Folder}");
            await Task.Delay(LookEvery, time, cancellationToken);
        }
    }

    private static async Task KillAsync(ChaosChild child)
    {
        await child.KillAsync();
        await child.DisposeAsync();
    }

    private ChaosRoundLine Line(int round, string victim, string killedIn, TimeSpan moment, decimal? ready, decimal? takeover) =>
        new(round, victim, killedIn, (long)moment.TotalMilliseconds, ready, takeover, sources.Sum(source => source.Published.Events));

    private decimal Seconds(long since) => decimal.Round((decimal)time.GetElapsedTime(since).TotalSeconds, 2);
}
