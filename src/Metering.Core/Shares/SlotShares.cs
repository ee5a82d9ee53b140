using Metering.Core.Policies;

namespace Metering.Core.Shares;

/// <summary>
/// Divides the slots of a concurrent limit among the gateways of its scope. A gateway is charged with the most that it may still
/// act by, until it says that it knows better, and with what it has under way; only what is left of that is given to another: so
/// the sum of what is under way is never above the slots, however late anybody hears of it. Single-threaded; not state.
/// </summary>
public sealed class SlotShares
{
    private readonly SortedDictionary<string, Seat> _seats = new(StringComparer.Ordinal);

    /// <summary>How many requests a policy lets be under way: from its first <c>deny</c> step on. Null: it has none.</summary>
    public static long? SlotsOf(Policy policy)
    {
        foreach (var step in policy.Steps)
        {
            if (step.Action == StepAction.Deny)
                return (long)Int128.Min((Int128)policy.Amount * step.AtPpm / PolicyShare.Whole, int.MaxValue);
        }
        return null;
    }

    /// <summary>How long after the begin of a division every gateway has heard of it, or has lost control.</summary>
    public static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(1);

    /// <summary>What a gateway may have under way by itself while the slots are not divided.</summary>
    public static long Allowance(long slots) => Math.Min(slots, Math.Max(1, slots / 4));

    /// <summary>Whether slots are to be divided: from a quarter in demand on, until it is half of that.</summary>
    public static bool IsToDivide(long slots, long demand, bool isDivided) => demand * (isDivided ? 2 : 1) >= Allowance(slots);

    /// <summary>A gateway's slots of a decision that divides them.</summary>
    public static long Of(IDictionary<string, long> divided, string gateway) => divided.TryGetValue(gateway, out var slots) ? slots : 0;

    /// <summary>The slots of each from now on; <paramref name="before"/> itself when they stay.</summary>
    /// <param name="before">As they were published last; empty = they were not divided.</param>
    /// <param name="version">Of that decision.</param>
    /// <param name="isTick">False: only what is free is given away. Slots are taken from those that do not need them at ticks.</param>
    /// <param name="isNew">Gateways may not have heard of the division, and act without one: nobody is given what they may have.</param>
    public IDictionary<string, long> Divide(GatewayLevels levels, long slots, IDictionary<string, long> before, long version, bool isTick, bool isNew)
    {
        Seats(levels, slots, before, version);
        var isShort = false;
        foreach (var seat in _seats.Values)
            isShort |= seat.Demand > seat.Slots;
        var sum = Sum(static seat => seat.Slots);
        if (!isShort && sum <= slots && before.Count == _seats.Count + 1)
            return before;
        Target(slots);
        if (isTick || sum > slots)
        {
            foreach (var seat in _seats.Values)
                seat.Slots = Math.Min(seat.Slots, seat.Target);
        }
        var free = slots - Sum(static seat => seat.Charge);
        Raise(isNew ? Math.Min(0, free) : free);
        return Published(before);
    }

    // Who has come holds what it may have without a division; who is gone holds nothing.
    private void Seats(GatewayLevels levels, long slots, IDictionary<string, long> before, long version)
    {
        foreach (var level in levels.All)
        {
            if (!_seats.TryGetValue(level.Gateway, out var seat))
            {
                var had = before.TryGetValue(level.Gateway, out var published);
                // Published by a governor before this one: what it may have heard before that is not known.
                _seats.Add(level.Gateway, seat = new Seat { Slots = published, MayHold = had ? slots : Allowance(slots) });
            }
            if (before.Count == 0)
                (seat.Slots, seat.MayHold) = (0, Math.Max(seat.MayHold, Allowance(slots)));
            else if (level.Knows >= version)
                seat.MayHold = seat.Slots;
            (seat.UnderWay, seat.Demand) = (level.UnderWay, Math.Max(level.Demand, level.UnderWay));
        }
        foreach (var gone in _seats.Keys.Where(gateway => !levels.TryFind(gateway, out _)).ToArray())
            _seats.Remove(gone);
    }

    // One for each first, then by what each has and was asked for; what nobody asks for is spread.
    private void Target(long slots)
    {
        var left = slots;
        foreach (var seat in _seats.Values)
        {
            seat.Target = Math.Min(1, left);
            left -= seat.Target;
        }
        var wished = Sum(static seat => Math.Max(0, seat.Demand - 1));
        var spread = Math.Max(0, left - wished) / Math.Max(1, _seats.Count);
        var divided = Math.Min(left, wished);
        foreach (var seat in _seats.Values)
        {
            var share = wished == 0 ? 0 : (long)((Int128)Math.Max(0, seat.Demand - 1) * divided / wished);
            seat.Target += share + spread;
            left -= share + spread;
        }
        foreach (var seat in _seats.Values)
        {
            if (left <= 0)
                break;
            seat.Target++;
            left--;
        }
    }

    private void Raise(long free)
    {
        foreach (var seat in _seats.Values)
        {
            // What others may hold above the slots (each its own part of them, before they were divided) is waited for.
            var to = Math.Min(seat.Target, seat.Charge + free);
            if (to <= seat.Slots)
                continue;
            free -= Math.Max(0, to - seat.Charge);
            seat.Slots = to;
            seat.MayHold = Math.Max(seat.MayHold, to);
        }
    }

    private IDictionary<string, long> Published(IDictionary<string, long> before)
    {
        var divided = new Dictionary<string, long>(StringComparer.Ordinal) { [RateShares.Others] = 0 };
        var isSame = before.Count == _seats.Count + 1;
        foreach (var (gateway, seat) in _seats)
        {
            divided.Add(gateway, seat.Slots);
            isSame &= before.TryGetValue(gateway, out var had) && had == seat.Slots;
        }
        return isSame ? before : divided;
    }

    private long Sum(Func<Seat, long> of)
    {
        Int128 sum = 0;
        foreach (var seat in _seats.Values)
            sum += of(seat);
        return (long)Int128.Min(sum, long.MaxValue);
    }

    private sealed class Seat
    {
        /// <summary>As published.</summary>
        public long Slots { get; set; }

        /// <summary>The most that its gateway may still act by.</summary>
        public long MayHold { get; set; }

        public long UnderWay { get; set; }

        public long Demand { get; set; }

        public long Target { get; set; }

        public long Charge => Math.Max(MayHold, Math.Max(UnderWay, Slots));
    }
}
