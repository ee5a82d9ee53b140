using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Confluent.Kafka;
using Metering.Cli.Chaos;
using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.Cli.Workload;
using Metering.ClickHouse.Ledger;
using Metering.Client;

namespace Metering.Cli.Commands;

/// <summary>Kills an <c>up</c> of its own, METER and SINK as processes beside it, and brokers of its own Kafka with -9, or puts a stage to
/// sleep, again and again, while sources publish; afterwards the ledger must hold each event once. A seed deals the same blows and
/// draws the same moments and events again.</summary>
public sealed class ChaosCommand : MeteringCommand
{
    // At least; every partition has one.
    private const int Sources = 6;
    /// <summary>The last of three nodes listens 20 ports on, with its controller and SASL beside it.</summary>
    private const int PortsOfKafka = 24;

    private static readonly TimeSpan SettlesWithin = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Ten plans of SINK: what would double would have come.</summary>
    private static readonly TimeSpan StaysFor = TimeSpan.FromSeconds(2);

    private readonly Option<int> _rounds = new("--rounds") { Description = "Blows.", HelpName = "N", DefaultValueFactory = static _ => 10 };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "Of the moments and the events. [default: another each time, printed]", HelpName = "S" };
    private readonly Option<int> _rate = new("--rate") { Description = "Events a second.", HelpName = "N", DefaultValueFactory = static _ => 1000 };

    private readonly Option<string?> _blows = new("--blows") { Description = "Which kinds: up, start, meter, sink, both, transaction, insert, meter-sleep, sink-sleep, all, broker; joined by commas. Each comes once before one comes again. [default: all]", HelpName = "KIND,…" };
    private readonly Option<string?> _kafkaScript = new("--kafka-script") { Description = "Starts and kills a real Kafka of its own by this script (start, kill --node N, status, tool CLASS; --dir, --port, --brokers).", HelpName = "FILE" };
    private readonly Option<int> _brokerCount = new("--broker-count") { Description = "Nodes of that Kafka, 1 or 3.", HelpName = "1|3", DefaultValueFactory = static _ => 1 };

    public ChaosCommand()
        : base("chaos", "Kill metering's processes at random moments, or freeze one, and check that nothing is lost or doubled.",
            KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.KafkaDurability, KnownSettings.TopicPrefix, KnownSettings.Partitions, KnownSettings.RegistryUrl, KnownSettings.ClickHouseUrl, KnownSettings.Data, KnownSettings.CommitInterval, KnownSettings.MeterHost)
    {
        Options.Add(_rounds);
        Options.Add(_seed);
        Options.Add(_rate);
        Options.Add(_blows);
        Options.Add(_kafkaScript);
        Options.Add(_brokerCount);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var (rounds, rate) = (context.Parsed.GetValue(_rounds), context.Parsed.GetValue(_rate));
        if (rounds < 1 || rate is < Sources or > 100_000)
            throw new WrongUsageException($"--rounds is {rounds} and --rate {rate}; give 1 or more rounds and a rate from {Sources} to 100000.");
        var kinds = ChaosBlow.Parse(context.Parsed.GetValue(_blows), OwnKafka(context) is not null);
        if (context.Settings.Kafka.Brokers is not null)
            Connections.CheckKafka(Connections.Kafka(context.Settings, "chaos"));
        var seed = context.Parsed.GetValue(_seed) ?? (ulong)Random.Shared.NextInt64();
        var folder = Path.Combine(context.Settings.Run.DataDirectory, "chaos-kafka-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        await using (var kafka = OwnKafka(context) is { } script ? await ChaosKafka.StartAsync(script, context.Parsed.GetValue(_brokerCount), folder, ChaosSetup.FreePort(PortsOfKafka), context.Time, cancellationToken) : null)
        {
            if (kafka is not null)
                context = context with { Settings = context.Settings with { Kafka = context.Settings.Kafka with { Brokers = kafka.Brokers } } };
            var setup = new ChaosSetup(context.Settings);
            context.Output.Note($"seed {seed}, topics {setup.Prefix}*, folder {setup.Folder}");
            var started = context.Time.GetTimestamp();
            var result = await RunAsync(context, setup, kafka, kinds, rounds, rate, seed, cancellationToken);
            var seconds = decimal.Round((decimal)context.Time.GetElapsedTime(started).TotalSeconds, 1);
            context.Output.Line(result with { Seconds = seconds }, CommandJson.Default.ChaosLine, static line => line.ToText());
            if (!result.Ok)
                return ExitCodes.Failed; // topics and folders stay, to be looked into
            await setup.RemoveAsync();
        }
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        return ExitCodes.Done;
    }

    /// <exception cref="WrongUsageException">There is no such script, or another Kafka is named too.</exception>
    private string? OwnKafka(CommandContext context)
    {
        if (context.Parsed.GetValue(_kafkaScript) is not { } script)
            return null;
        if (context.Settings.Kafka.Brokers is not null)
            throw new WrongUsageException("--kafka-script starts a Kafka of its own, and --brokers names another: give one of them.");
        if (context.Parsed.GetValue(_brokerCount) is not (1 or 3) and var count)
            throw new WrongUsageException(FormattableString.Invariant($"--broker-count is {count}; give 1 or 3."));
        return File.Exists(script) ? Path.GetFullPath(script) : throw new WrongUsageException($"--kafka-script {script} does not exist.");
    }

    private static async Task<ChaosLine> RunAsync(CommandContext context, ChaosSetup setup, ChaosKafka? kafka, IReadOnlyList<ChaosBlow> kinds, int rounds, int rate, ulong seed, CancellationToken cancellationToken)
    {
        var publishers = new List<TokenEventPublisher>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var ledger = new ServerLedger(Connections.WithSecrets(setup.ClickHouse));
        var check = new ChaosCheck(ledger, setup.Prefix);
        var publishing = Task.CompletedTask;
        try
        {
            foreach (var name in ChaosSource.Names(setup.Partitions, Sources))
                publishers.Add(await TokenEventPublisher.StartAsync(Publisher(context, setup, name), context.Loggers, context.Time));
            var sources = publishers.Select((publisher, i) => new ChaosSource(publisher, new WorkloadGenerator(seed + (ulong)i, (double)rate / publishers.Count), context.Time)).ToList();
            publishing = Task.WhenAll(sources.Select(source => source.RunAsync(stop.Token)));
            await using var fleet = new ChaosFleet(setup, kafka, kinds, context.Time);
            var play = new ChaosRounds(fleet, new ChaosDeck(kinds, seed), check, new ChaosAftermath(setup.Kafka, setup.Partitions, context.Time), sources, seed, context.Time);
            var tally = new ChaosTally();
            var problem = await PlayAsync(context, fleet, play, tally, rounds, cancellationToken);
            await stop.CancelAsync();
            await publishing;
            var line = problem is null
                ? await CompareAsync(context, setup, check, sources, publishers, fleet, seed, cancellationToken)
                : new ChaosLine { Ok = false, Seed = seed, Published = sources.Sum(static source => source.Published.Events), Problems = [problem] };
            return tally.AddTo(line);
        }
        finally
        {
            await stop.CancelAsync();
            await publishing.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // awaited above, where its error counts
            await Task.WhenAll(publishers.Select(publisher => publisher.DisposeAsync().AsTask()));
        }
    }

    /// <returns>What stopped the rounds early; null when nothing did.</returns>
    private static async Task<string?> PlayAsync(CommandContext context, ChaosFleet fleet, ChaosRounds play, ChaosTally tally, int rounds, CancellationToken cancellationToken)
    {
        try
        {
            var starts = await fleet.WholeAsync(cancellationToken);
            context.Output.Note(string.Join(", ", starts.Select(static start => FormattableString.Invariant($"{start.Role} ready after {start.Ready.TotalSeconds:N1} s, flows {start.Flow.TotalSeconds:N1} s later"))));
            for (var round = 1; round <= rounds; round++)
            {
                var line = await play.PlayAsync(round, cancellationToken);
                tally.Add(line);
                context.Output.Line(line, CommandJson.Default.ChaosRoundLine, static line => line.ToText());
            }
            return null;
        }
        catch (Exception error) when (error is CommandFailedException or KafkaException or LedgerException)
        {
            return FormattableString.Invariant($"in round {tally.Rounds + 1}: {error.Message}");
        }
    }

    private static PublisherOptions Publisher(CommandContext context, ChaosSetup setup, string name) => new()
    {
        Brokers = setup.Kafka.Brokers,
        Registry = Connections.WithSecrets(setup.Registry),
        Source = name,
        TopicPrefix = setup.Prefix,
        DataFolder = setup.Folder,
        KafkaConfig = context.Settings.Kafka.Config.ToDictionary(StringComparer.Ordinal),
    };

    private static async Task<ChaosLine> CompareAsync(CommandContext context, ChaosSetup setup, ChaosCheck check, List<ChaosSource> sources, List<TokenEventPublisher> publishers, ChaosFleet fleet, ulong seed, CancellationToken cancellationToken)
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
        return new ChaosLine
        {
            Ok = problems.Count == 0,
            Seed = seed,
            Published = total.Events,
            LedgerRows = held.Events,
            Lost = Math.Max(0, total.Events - held.Distinct),
            Doubled = held.Events - held.Distinct,
            InputTokens = total.InputTokens.ToString(CultureInfo.InvariantCulture),
            OutputTokens = total.OutputTokens.ToString(CultureInfo.InvariantCulture),
            Problems = problems.Count == 0 ? null : problems,
        };
    }
}
