using System.Globalization;

namespace Metering.Cli.Chaos;

/// <summary>A line a round.</summary>
/// <param name="Blow">Its kind, as <c>--blows</c> names it.</param>
/// <param name="KilledIn">start: not yet ready; run; transaction, insert: aimed at an open one; pause: put to sleep, and woken later.</param>
/// <param name="AfterMs">From when all ran, or of a start.</param>
/// <param name="LeftOpen">Transactions or plans that an aimed blow left open; 0: it fell beside.</param>
/// <param name="TakeoverSeconds">From the blow until the ledger held all that was published before it, by the work of who survived.</param>
/// <param name="ReadySeconds">The longest start of what was dead.</param>
/// <param name="FlowSeconds">The longest from then until it had done work; of a lone broker, until all that waited was in the ledger.</param>
internal sealed record ChaosRoundLine(
    int Round, string Blow, string Victim, string KilledIn, long AfterMs, int? LeftOpen, decimal? TakeoverSeconds, decimal? ReadySeconds, decimal? FlowSeconds, long Published, long LedgerRows, long Doubled, decimal Seconds)
{
    /// <summary>Partitions in which the broker itself had left a transaction without an end, until it was aborted as an operator would; null = none.</summary>
    public int? HangingAborted { get; init; }

    public string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"round {Round} ({Blow}, {Seconds:0.0} s): {Victim} {(KilledIn == "pause" ? "paused" : "killed")} {(KilledIn == "start" ? $"{AfterMs} ms into its start" : $"after {AfterMs} ms")}{(LeftOpen is { } open ? $" with {open} {KilledIn}s left open" : "")}{Part("taken over", TakeoverSeconds)}{Part("ready again", ReadySeconds)}{Part("data flows", FlowSeconds)}{(HangingAborted is { } hanging ? $", once what the broker left hanging in {hanging} partitions was aborted" : "")}; {Published} published, {LedgerRows} in the ledger, {Doubled} doubled");

    private static string Part(string what, decimal? seconds) => seconds is { } some ? string.Create(CultureInfo.InvariantCulture, $", {what} after {some} s") : "";
}

/// <summary>The last line. Token sums are text: they may pass 64 bits.</summary>
internal sealed record ChaosLine
{
    public bool Ok { get; init; }

    public int Rounds { get; init; }

    public ulong Seed { get; init; }

    public long Published { get; init; }

    public long LedgerRows { get; init; }

    public long Lost { get; init; }

    public long Doubled { get; init; }

    public string InputTokens { get; init; } = "0";

    public string OutputTokens { get; init; } = "0";

    public decimal Seconds { get; init; }

    public ChaosTimes? Takeovers { get; init; }

    public ChaosTimes? Flows { get; init; }

    /// <summary>Aimed blows, and those that left something open.</summary>
    public int Aimed { get; init; }

    /// <inheritdoc cref="Aimed"/>
    public int Hit { get; init; }

    /// <summary>Rounds in which the broker had left a transaction hanging, which was aborted.</summary>
    public int Hanging { get; init; }

    /// <summary>Rounds by kind of blow.</summary>
    public IReadOnlyDictionary<string, int> Blows { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    public IReadOnlyList<string>? Problems { get; init; }

    public string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"{(Ok ? "It adds up" : "IT DOES NOT ADD UP")} after {Rounds} blows (seed {Seed}, {Seconds} s): {Published} events published, {LedgerRows} in the ledger, {Lost} lost, {Doubled} doubled\n  blows: {string.Join(", ", Blows.Select(static blow => $"{blow.Key} {blow.Value}"))}; {Hit} of {Aimed} aimed ones left something open{(Hanging > 0 ? $"; after {Hanging} a transaction that Kafka had left hanging was aborted" : "")}{Takeovers?.ToText("taken over")}{Flows?.ToText("data flows again")}{string.Concat((Problems ?? []).Select(static problem => "\n  " + problem))}");
}

/// <summary>Times against their goal.</summary>
internal sealed record ChaosTimes(int Count, decimal MedianSeconds, decimal LongestSeconds, decimal GoalSeconds, int WithinGoal)
{
    public static ChaosTimes? Of(List<decimal> seconds, decimal goal)
    {
        if (seconds.Count == 0)
            return null;
        seconds.Sort();
        return new(seconds.Count, seconds[(seconds.Count - 1) / 2], seconds[^1], goal, seconds.Count(some => some <= goal));
    }

    public string ToText(string what) => string.Create(CultureInfo.InvariantCulture, $"\n  {what}: median {MedianSeconds} s, longest {LongestSeconds} s; {WithinGoal} of {Count} within {GoalSeconds} s");
}

/// <summary>Adds up the rounds.</summary>
internal sealed class ChaosTally
{
    private const decimal TakeoverGoalSeconds = 15, FlowGoalSeconds = 10;

    private readonly List<ChaosRoundLine> _lines = [];

    public int Rounds => _lines.Count;

    public void Add(ChaosRoundLine line) => _lines.Add(line);

    public ChaosLine AddTo(ChaosLine line) => line with
    {
        Rounds = Rounds,
        Takeovers = ChaosTimes.Of([.. _lines.Select(static l => l.TakeoverSeconds).OfType<decimal>()], TakeoverGoalSeconds),
        Flows = ChaosTimes.Of([.. _lines.Select(static l => l.FlowSeconds).OfType<decimal>()], FlowGoalSeconds),
        Aimed = _lines.Count(static l => l.LeftOpen is not null),
        Hit = _lines.Count(static l => l.LeftOpen > 0),
        Hanging = _lines.Count(static l => l.HangingAborted is not null),
        Blows = new SortedDictionary<string, int>(_lines.CountBy(static l => l.Blow).ToDictionary(StringComparer.Ordinal), StringComparer.Ordinal),
    };
}
