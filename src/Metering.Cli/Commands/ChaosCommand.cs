using System.CommandLine;
using System.Globalization;
using Metering.Cli.Chaos;
using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.Cli.Workload;
using Metering.ClickHouse.Ledger;
using Metering.Client;

namespace Metering.Cli.Commands;

/// <summary>Kills an <c>up</c> of its own (with its own broker, unless one is named) and a <c>pipeline</c> beside it with -9, or puts the
/// latter to sleep, again and again, while sources publish; afterwards the ledger must hold each event once. A seed draws the
/// same moments and the same events again.</summary>
public sealed class ChaosCommand : MeteringCommand
{
    // Enough to be in partitions of both processes.
    private const int Sources = 6;
    private static readonly TimeSpan SettlesWithin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Ten plans of SINK: what would double would have come.</summary>
    private static readonly TimeSpan StaysFor = TimeSpan.FromSeconds(2);

    private readonly Option<int> _rounds = new("--rounds") { Description = "Kills.", HelpName = "N", DefaultValueFactory = static _ => 10 };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "Of the moments and the events. [default: another each time, printed]", HelpName = "S" };
    private readonly Option<int> _rate = new("--rate") { Description = "Events a second.", HelpName = "N", DefaultValueFactory = static _ => 1000 };

    public ChaosCommand()
        : base("chaos", "Kill metering's processes at random moments, or freeze one, and check that nothing is lost or doubled.",
            KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.KafkaDurability, KnownSettings.TopicPrefix, KnownSettings.Partitions, KnownSettings.RegistryUrl, KnownSettings.ClickHouseUrl, KnownSettings.Data, KnownSettings.CommitInterval, KnownSettings.MeterHost)
    {
        Options.Add(_rounds);
        Options.Add(_seed);
        Options.Add(_rate);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var (rounds, rate) = (context.Parsed.GetValue(_rounds), context.Parsed.GetValue(_rate));
        if (rounds < 1 || rate is < Sources or > 100_000)
            throw new WrongUsageException($"--rounds is {rounds} and --rate {rate}; give 1 or more rounds and a rate from {Sources} to 100000.");
        if (context.Settings.Kafka.Brokers is not null)
            Connections.CheckKafka(Connections.Kafka(context.Settings, "chaos"));
        var seed = context.Parsed.GetValue(_seed) ?? (ulong)Random.Shared.NextInt64();
        var setup = new ChaosSetup(context.Settings);
        context.Output.Note($"seed {seed}, topics {setup.Prefix}*, folder {setup.Folder}");
        var started = context.Time.GetTimestamp();
        var result = await RunAsync(context, setup, rounds, rate, seed, cancellationToken);
        var seconds = decimal.Round((decimal)context.Time.GetElapsedTime(started).TotalSeconds, 1);
        context.Output.Line(result with { Seconds = seconds }, CommandJson.Default.ChaosLine, static line => line.ToText());
        if (!result.Ok)
            return ExitCodes.Failed; // topics and folder stay, to be looked into
        await setup.RemoveAsync();
        return ExitCodes.Done;
    }

    private async Task<ChaosLine> RunAsync(CommandContext context, ChaosSetup setup, int rounds, int rate, ulong seed, CancellationToken cancellationToken)
    {
        var publishers = new List<TokenEventPublisher>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var ledger = new ServerLedger(Connections.WithSecrets(setup.ClickHouse));
        var check = new ChaosCheck(ledger, setup.Prefix);
        var publishing = Task.CompletedTask;
        try
        {
            for (var i = 0; i < Sources; i++)
                publishers.Add(await TokenEventPublisher.StartAsync(Publisher(context, setup, i), context.Loggers, context.Time));
            var sources = publishers.Select((publisher, i) => new ChaosSource(publisher, new WorkloadGenerator(seed + (ulong)i, (double)rate / Sources), context.Time)).ToList();
            publishing = Task.WhenAll(sources.Select(source => source.RunAsync(stop.Token)));
            await using var fleet = new ChaosFleet(setup, check, sources, seed, context.Time);
            for (var round = 1; round <= rounds; round++)
                context.Output.Line(await fleet.RoundAsync(round, cancellationToken), CommandJson.Default.ChaosRoundLine, static line => line.ToText());
            await fleet.UpAsync(cancellationToken);
            await stop.CancelAsync();
            await publishing;
            return await CompareAsync(context, setup, check, sources, publishers, fleet, rounds, seed, cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
            await publishing.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // awaited above, where its error counts
            await Task.WhenAll(publishers.Select(publisher => publisher.DisposeAsync().AsTask()));
        }
    }

    private static PublisherOptions Publisher(CommandContext context, ChaosSetup setup, int number) => new()
    {
        Brokers = setup.Kafka.Brokers,
        Registry = Connections.WithSecrets(setup.Registry),
        Source = string.Create(CultureInfo.InvariantCulture, $"chaos-{number + 1}"),
        TopicPrefix = setup.Prefix,
        DataFolder = setup.Folder,
        KafkaConfig = context.Settings.Kafka.Config.ToDictionary(StringComparer.Ordinal),
    };

    private static async Task<ChaosLine> CompareAsync(CommandContext context, ChaosSetup setup, ChaosCheck check, List<ChaosSource> sources, List<TokenEventPublisher> publishers, ChaosFleet fleet, int rounds, ulong seed, CancellationToken cancellationToken)
    {
        var problems = new List<string>();
        foreach (var source in sources)
        {
            if (!await source.FlushAsync(SettlesWithin, cancellationToken))
                problems.Add($"{source.Name}: the broker has not acknowledged all within {SettlesWithin.TotalSeconds:N0} s");
        }
        var published = sources.ToDictionary(source => source.Name, source => source.Published, StringComparer.Ordinal);
        // Now, while there is a broker to take their closing reports: it may be up's own.
        await Task.WhenAll(publishers.Select(publisher => publisher.DisposeAsync().AsTask()));
        for (var since = context.Time.GetTimestamp(); (await check.DifferencesAsync(published, cancellationToken)).Count > 0 && context.Time.GetElapsedTime(since) < SettlesWithin;)
            await Task.Delay(LookEvery, context.Time, cancellationToken);
        await Task.Delay(StaysFor, context.Time, cancellationToken);
        problems.AddRange(await check.DifferencesAsync(published, cancellationToken));
        var deltas = await ChaosDeltas.ReadAsync(setup.Kafka, context.Loggers, context.Time, cancellationToken);
        problems.AddRange(ChaosDeltas.Differences(deltas, await check.ScopesAsync(cancellationToken)));
        var held = (await check.EventsAsync(cancellationToken)).Values.Aggregate(ChaosFigures.None, static (sum, figures) => sum + figures);
        var (exitCode, output) = await ChaosChild.RunAsync(setup.OfVerify(), cancellationToken, "verify", "--wait", "30s");
        if (exitCode != ExitCodes.Done)
            problems.Add($"verify ended with {exitCode}: {output.Trim()}");
        problems.AddRange(await fleet.StopAsync(cancellationToken));
        var total = published.Values.Aggregate(ChaosFigures.None, static (sum, figures) => sum + figures);
        return new ChaosLine(problems.Count == 0, rounds, seed, total.Events, held.Events, Math.Max(0, total.Events - held.Distinct), held.Events - held.Distinct,
            total.InputTokens.ToString(CultureInfo.InvariantCulture), total.OutputTokens.ToString(CultureInfo.InvariantCulture), 0, problems.Count == 0 ? null : problems);
    }
}

/// <summary>A line a blow.</summary>
/// <param name="Victim">up or pipeline.</param>
/// <param name="KilledIn">start: not yet ready; run: after it was; pause: put to sleep, and woken later.</param>
/// <param name="AfterMs">From its start, or from ready.</param>
/// <param name="TakeoverSeconds">Until the ledger held all that was published before, by the work of the other process.</param>
internal sealed record ChaosRoundLine(int Round, string Victim, string KilledIn, long AfterMs, decimal? ReadySeconds, decimal? TakeoverSeconds, long Published)
{
    public string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"round {Round}: {(ReadySeconds is { } ready ? $"ready after {ready} s, " : "")}{Victim} {(KilledIn == "pause" ? "paused" : "killed")} {AfterMs} ms {(KilledIn == "start" ? "into its start" : "after that")}{(TakeoverSeconds is { } takeover ? $", taken over after {takeover} s" : "")}; {Published} events published so far");
}

/// <summary>The last line. Token sums are text: they may pass 64 bits.</summary>
internal sealed record ChaosLine(bool Ok, int Rounds, ulong Seed, long Published, long LedgerRows, long Lost, long Doubled, string InputTokens, string OutputTokens, decimal Seconds, IReadOnlyList<string>? Problems)
{
    public string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"{(Ok ? "It adds up" : "IT DOES NOT ADD UP")} after {Rounds} blows (seed {Seed}, {Seconds} s): {Published} events published, {LedgerRows} in the ledger, {Lost} lost, {Doubled} doubled{string.Concat((Problems ?? []).Select(problem => "\n  " + problem))}");
}
