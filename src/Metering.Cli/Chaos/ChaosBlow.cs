using Metering.Cli.Commands;
using Metering.Cli.Settings;
using Metering.Cli.Workload;

namespace Metering.Cli.Chaos;

/// <summary>A kind of blow.</summary>
/// <param name="Name">For <c>--blows</c>.</param>
/// <param name="Victim">up; meter, sink: a <c>pipeline</c> with that stage alone; both: these two; broker: a node of chaos's own
/// Kafka; all: everything at once.</param>
/// <param name="In">start: not yet ready; run: at a random moment; transaction, insert: while one is open; pause: put to sleep, and
/// woken once its partitions are another's.</param>
internal sealed record ChaosBlow(string Name, string Victim, string In)
{
    public static readonly ChaosBlow Up = new("up", "up", "run");
    public static readonly ChaosBlow Start = new("start", "up", "start");
    public static readonly ChaosBlow Meter = new("meter", "meter", "run");
    public static readonly ChaosBlow Sink = new("sink", "sink", "run");
    public static readonly ChaosBlow Both = new("both", "both", "run");
    public static readonly ChaosBlow Transaction = new("transaction", "meter", "transaction");
    public static readonly ChaosBlow Insert = new("insert", "sink", "insert");
    public static readonly ChaosBlow MeterSleep = new("meter-sleep", "meter", "pause");
    public static readonly ChaosBlow SinkSleep = new("sink-sleep", "sink", "pause");
    public static readonly ChaosBlow All = new("all", "all", "run");
    public static readonly ChaosBlow Broker = new("broker", "broker", "run");

    private static readonly ChaosBlow[] Known = [Up, Start, Meter, Sink, Both, Transaction, Insert, MeterSleep, SinkSleep, All, Broker];

    /// <summary>Whether a <c>pipeline</c> with METER alone must run for it.</summary>
    public bool NeedsMeter => Victim is "meter" or "both" or "all";

    /// <inheritdoc cref="NeedsMeter"/>
    public bool NeedsSink => Victim is "sink" or "both" or "all";

    /// <summary>The kinds named, joined by commas; all that can be dealt when none are.</summary>
    /// <exception cref="WrongUsageException">One is not known, or needs a Kafka of chaos's own.</exception>
    public static IReadOnlyList<ChaosBlow> Parse(string? names, bool ownKafka)
    {
        if (names is null)
            return [.. Known.Where(blow => ownKafka || blow != Broker)];
        return [.. names.Split(',', StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal).Select(name => Find(name, ownKafka))];
    }

    private static ChaosBlow Find(string name, bool ownKafka)
    {
        if (Array.Find(Known, blow => blow.Name == name) is not { } found)
            throw new WrongUsageException($"--blows names \"{name}\"; give some of {string.Join(", ", Known.Select(blow => blow.Name))}{(NearestName.Of(name, [.. Known.Select(blow => blow.Name)]) is { } nearest ? $" (did you mean {nearest}?)" : "")}.");
        return found != Broker || ownKafka ? found : throw new WrongUsageException("--blows names broker, and chaos may only kill a Kafka of its own: give --kafka-script.");
    }
}

/// <summary>Deals the kinds of blows as cards: each comes once before one comes again, in an order that the seed draws.</summary>
internal sealed class ChaosDeck(IReadOnlyList<ChaosBlow> kinds, ulong seed)
{
    // Rounds draw their moments from their own number: decks must not draw the same.
    private const ulong DecksFrom = 1UL << 32;

    /// <param name="round">1, 2, 3, …</param>
    public ChaosBlow Deal(int round)
    {
        var (deck, place) = Math.DivRem(round - 1, kinds.Count);
        var random = SeededRandom.For(seed, DecksFrom + (ulong)deck);
        var cards = kinds.ToArray();
        for (var last = cards.Length - 1; last >= place; last--)
        {
            var other = (int)(random.NextDouble() * (last + 1));
            (cards[last], cards[other]) = (cards[other], cards[last]);
        }
        return cards[place];
    }
}
