using System.CommandLine;
using System.Globalization;
using Metering.Cli.Hosting;
using Metering.Cli.Settings;
using Metering.ClickHouse.Ledger;
using Metering.Core.Reconciliation;
using Metering.Events;
using Metering.Kafka.Topics;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Sink;

namespace Metering.Cli.Commands;

/// <summary>Holds what sources published against what the ledger holds, per source; exit 1 when they do not add up.</summary>
public sealed class VerifyCommand : MeteringCommand
{
    /// <summary>An account reaches the ledger up to a second after its events, and a report up to a second late.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    private readonly Option<string> _wait = new("--wait") { Description = "How long to wait for what is in flight.", HelpName = "DURATION", DefaultValueFactory = static _ => "0s" };

    public VerifyCommand()
        : base("verify", "Reconcile what sources published with what the ledger holds.",
            KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl, KnownSettings.ClickHouseUrl) =>
        Options.Add(_wait);

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        if (!Durations.TryParse(context.Parsed.GetRequiredValue(_wait), out var wait))
            throw new WrongUsageException($"--wait \"{context.Parsed.GetRequiredValue(_wait)}\" is no duration; write 30s or 5m.");
        var kafka = Connections.Kafka(context.Settings, "verify");
        Connections.CheckKafka(kafka);
        using var registry = new RegistryConnection(context.Settings.RegistryOrLocal);
        await using var ledger = new ServerLedger(Connections.WithSecrets(context.Settings.ClickHouseOrLocal));
        var reports = new TopicTable<SourceReport>(kafka, TopicCatalogue.SourceReports, registry, context.Loggers, context.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = reports.RunAsync(stop.Token);
        try
        {
            await reports.ReadToEndAsync(cancellationToken);
            var balances = await SettleAsync(context, ledger, kafka.Topic(MeteredBlock.Topic), reports, wait > Grace ? wait : Grace, cancellationToken);
            return Print(context, balances);
        }
        catch (LedgerException error)
        {
            throw error.IsTransient
                ? new ServiceUnreachableException("ClickHouse", ledger.Description, error.Message, "start metering up, or name a server by --clickhouse", error)
                : new CommandFailedException(error.Message, error);
        }
        finally
        {
            await stop.CancelAsync();
            await reading;
        }
    }

    /// <summary>Looks until all has settled or the time is over; what then still moves is in flight, what stands still is not.</summary>
    private static async Task<List<SourceBalance>> SettleAsync(CommandContext context, ServerLedger ledger, string topic, TopicTable<SourceReport> reports, TimeSpan wait, CancellationToken cancellationToken)
    {
        var started = context.Time.GetTimestamp();
        List<SourceBalance> before = [];
        while (true)
        {
            var now = await ReadAsync(ledger, topic, reports, cancellationToken);
            var isOver = context.Time.GetElapsedTime(started) >= wait;
            if (now.TrueForAll(balance => balance.IsSettled))
                return now;
            if (isOver)
                return now.ConvertAll(balance => Judge(balance, before.Find(b => (b.Source, b.Epoch) == (balance.Source, balance.Epoch))));
            before = now;
            await Task.Delay(LookEvery, context.Time, cancellationToken);
        }
    }

    /// <summary>In flight means on its way: what neither moves, nor waits in its publisher's spool, nor for METER's verdict is missing.</summary>
    private static SourceBalance Judge(SourceBalance now, SourceBalance? before)
    {
        var isStill = before is not null && (before.Published, before.Metered, before.Received) == (now.Published, now.Metered, now.Received);
        return isStill && now.Problems.Count == 0 && now.InFlight > now.Spooled + now.Late
            ? now with { Problems = [$"{now.InFlight - now.Spooled - now.Late} events were acknowledged and have not come to the ledger, and nothing moves"] }
            : now;
    }

    private static async Task<List<SourceBalance>> ReadAsync(ServerLedger ledger, string topic, TopicTable<SourceReport> reports, CancellationToken cancellationToken)
    {
        var origin = await LedgerBooks.OriginAsync(ledger, topic, cancellationToken)
            ?? throw new CommandFailedException($"the ledger has never been filled from topic {topic}: check --clickhouse and --topic-prefix");
        var bad = new List<string>();
        var reported = await reports.SnapshotAsync((key, reason) => bad.Add($"{key}: {reason}"), cancellationToken);
        if (bad.Count > 0)
            throw new CommandFailedException($"{bad.Count} source reports cannot be read: {bad[0]}");
        // Rows before accounts: an account that arrives between the two reads counts more than the rows, never less.
        var rows = await LedgerBooks.RowsAsync(ledger, origin, cancellationToken);
        var accounts = await LedgerBooks.AccountsAsync(ledger, origin, cancellationToken);
        return LedgerBooks.Balances(accounts, rows, reported.Values);
    }

    private static int Print(CommandContext context, List<SourceBalance> balances)
    {
        foreach (var b in balances)
        {
            var line = new VerifyLine(b.Source, b.Epoch, b.Published, b.Received, b.Metered, b.Duplicate, b.Rejected, b.InFlight, b.Lost, b.Problems.Count == 0 ? null : b.Problems);
            context.Output.Line(line, CommandJson.Default.VerifyLine, static l => string.Create(CultureInfo.InvariantCulture,
                $"{(l.Source.Length == 0 ? "(no source)" : l.Source)} / {l.Epoch}: published {l.Published} = metered {l.Metered} + rejected {l.Rejected} + in flight {l.InFlight} + lost {l.Lost}; received {l.Received}, duplicate {l.Duplicate}{(l.Problems is null ? "" : "\n  " + string.Join("\n  ", l.Problems))}"));
        }
        var isOk = balances.TrueForAll(b => b.Problems.Count == 0);
        var totals = new VerifyTotals(isOk, balances.Count, balances.Sum(b => b.Published), balances.Sum(b => b.Received), balances.Sum(b => b.Metered), balances.Sum(b => b.Duplicate),
            balances.Sum(b => b.Rejected), balances.Sum(b => b.InFlight), balances.Sum(b => b.Lost),
            balances.Aggregate(Int128.Zero, (sum, b) => sum + b.InputTokens).ToString(CultureInfo.InvariantCulture),
            balances.Aggregate(Int128.Zero, (sum, b) => sum + b.OutputTokens).ToString(CultureInfo.InvariantCulture));
        context.Output.Line(totals, CommandJson.Default.VerifyTotals, static t => string.Create(CultureInfo.InvariantCulture,
            $"{(t.Ok ? "It adds up" : "IT DOES NOT ADD UP")}: {t.Sources} sources, published {t.Published} = metered {t.Metered} + rejected {t.Rejected} + in flight {t.InFlight} + lost {t.Lost}"));
        return isOk ? ExitCodes.Done : ExitCodes.Failed;
    }
}

/// <summary>A line a source.</summary>
internal sealed record VerifyLine(string Source, long Epoch, long Published, long Received, long Metered, long Duplicate, long Rejected, long InFlight, long Lost, IReadOnlyList<string>? Problems);

/// <summary>The last line. Token sums are text: they may pass 64 bits.</summary>
internal sealed record VerifyTotals(bool Ok, int Sources, long Published, long Received, long Metered, long Duplicate, long Rejected, long InFlight, long Lost, string InputTokens, string OutputTokens);
