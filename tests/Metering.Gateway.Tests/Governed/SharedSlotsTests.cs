using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Core.Windows;
using Metering.Events;
using Metering.Gateway.Governed;
using LimitPeriod = Metering.Core.Windows.LimitPeriod;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using Policy = Metering.Core.Policies.Policy;
using PolicyStep = Metering.Core.Policies.PolicyStep;
using StepAction = Metering.Core.Policies.StepAction;

namespace Metering.Gateway.Tests.Governed;

/// <summary>Gateways and a governor that divides a limit on requests under way among them, in virtual time; each hears and is heard
/// with a delay of its own: the limit holds at every moment (docs/policies.md).</summary>
public sealed class SharedSlotsTests
{
    private const long Second = 1_000_000, Step = 10_000;
    private const string Scope = "tenant=acme";

    private static readonly Policy Limit = new()
    {
        Name = "p",
        Unit = LimitUnit.Concurrent,
        Amount = 20,
        Per = LimitPeriod.None,
        Steps = [new PolicyStep(1_000_000, StepAction.Deny)],
    };

    private readonly Random _random = new(11);
    private readonly List<Gateway> _gateways = [];
    private readonly List<(long At, Action Do)> _later = [];
    private readonly GatewayLevels _levels = new();
    private readonly SlotShares _shares = new();
    private Decision? _published;
    private long _now = 1_000 * Second, _version = 100;
    private long _slots = 20, _dividedAt;
    private int _most;

    private sealed class Gateway
    {
        public required Concurrency Concurrency { get; init; }

        public Decision? Heard { get; set; }

        public int UnderWay { get; set; }

        public int Refused { get; set; }

        public bool IsDead { get; set; }
    }

    private Gateway Come()
    {
        Gateway gateway = null!;
        gateway = new Gateway { Concurrency = new Concurrency($"g{_gateways.Count}", (_, _) => gateway.Heard), Heard = _published };
        _gateways.Add(gateway);
        return gateway;
    }

    private void Run(double seconds, params int[] requestsPerSecond)
    {
        while (_gateways.Count < requestsPerSecond.Length)
            Come();
        for (var end = _now + (long)(seconds * Second); _now < end; _now += Step)
        {
            for (var i = 0; i < requestsPerSecond.Length; i++)
                Ask(_gateways[i], requestsPerSecond[i]);
            foreach (var (_, what) in _later.Where(one => one.At <= _now).ToArray())
                what();
            _later.RemoveAll(one => one.At <= _now);
            foreach (var gateway in _gateways.Where(static one => !one.IsDead))
                Report(gateway);
            if (_now % (5 * Step) == 0)
                Govern();
            _most = Math.Max(_most, _gateways.Sum(static gateway => gateway.UnderWay));
        }
    }

    private void Ask(Gateway gateway, int perSecond)
    {
        if (gateway.IsDead || _random.NextInt64(Second) >= perSecond * Step)
            return;
        var need = new SlotNeed(Scope);
        need.Limits.Add(gateway.Concurrency.LimitOf(Limit, gateway.Heard)!.Value);
        if (gateway.Concurrency.TryEnter([need]) is not null)
        {
            gateway.Refused++;
            return;
        }
        gateway.UnderWay++;
        Later(_random.NextInt64(50_000, 2 * Second), () =>
        {
            if (gateway.IsDead)
                return;
            gateway.UnderWay--;
            need.Gauge!.Leave();
        });
    }

    private void Report(Gateway gateway)
    {
        List<LevelReport> reports = [];
        gateway.Concurrency.Collect(_now, reports);
        foreach (var report in reports)
            Later(_random.NextInt64(5_000, 150_000), () => _levels.Take(report));
    }

    private void Govern()
    {
        var isTick = _now % Second == 0;
        if (isTick)
            _levels.DropSilent(_now);
        var demand = _levels.All.Sum(static level => Math.Max(level.UnderWay, level.Demand));
        if (_published is null && !SlotShares.IsToDivide(_slots, demand, isDivided: false))
            return;
        if (_published is null)
            _dividedAt = _now;
        var before = _published?.Slots ?? new Dictionary<string, long>(StringComparer.Ordinal);
        var divided = _shares.Divide(_levels, _slots, before, _published?.Version ?? 0, isTick, isNew: _now - _dividedAt < Second);
        if (ReferenceEquals(divided, before))
            return;
        var decision = _published = new Decision { Scope = Scope, Policy = "p", Version = ++_version, MaxConcurrent = _slots, Slots = divided };
        foreach (var gateway in _gateways)
        {
            Later(_random.NextInt64(5_000, 150_000), () =>
            {
                if (gateway.Heard is null || gateway.Heard.Version < decision.Version)
                    gateway.Heard = decision;
            });
        }
    }

    private void Later(long micros, Action what) => _later.Add((_now + micros, what));

    [Theory]
    [InlineData(40, 40, 0)]
    [InlineData(90, 10, 0)]
    [InlineData(90, 5, 5)]
    [InlineData(200, 200, 200)]
    public void The_sum_of_all_gateways_stays_at_the_limit_and_the_slots_lie_where_the_requests_are(int first, int second, int third)
    {
        Run(30, first, second, third);

        Assert.InRange(_most, 18, 20);
        Assert.InRange(_gateways.Sum(static gateway => gateway.UnderWay), 14, 20);
        if (first >= 8 * second)
            Assert.InRange(_gateways[0].UnderWay, 10, 20);
    }

    [Fact]
    public void Slots_follow_requests_that_move_and_the_limit_holds_meanwhile()
    {
        for (var i = 0; i < 6; i++)
        {
            Run(7, 100, 0, 0);
            Assert.InRange(_gateways[0].UnderWay, 12, 20);
            Run(7, 0, 0, 100);
            Assert.InRange(_gateways[2].UnderWay, 12, 20);
        }
        Assert.InRange(_most, 18, 20);
    }

    [Fact]
    public void A_killed_gateways_slots_go_to_the_others_within_5_s_and_who_comes_is_let_in()
    {
        Run(10, 60, 60);
        _gateways[0].IsDead = true;
        _gateways[0].UnderWay = 0; // its connections are gone with it
        Run(5, 0, 60);
        Run(3, 0, 60);
        Assert.InRange(_gateways[1].UnderWay, 15, 20);
        Run(4, 0, 60, 60);
        Assert.InRange(_gateways[2].UnderWay, 4, 16);
        Assert.InRange(_most, 18, 20);
    }

    [Fact]
    public void Gateways_that_all_begin_at_once_are_at_the_limit_once_they_have_heard_of_each_other()
    {
        var traffic = Enumerable.Repeat(40, 8).ToArray();
        Run(4, traffic);
        Assert.InRange(_most, 20, 8 * SlotShares.Allowance(20));
        _most = 0;
        Run(10, traffic);
        Assert.InRange(_most, 18, 20);
    }

    [Fact]
    public void A_limit_of_one_is_one_and_of_a_request_that_found_no_slot_nothing_stays()
    {
        _slots = 1;
        Run(10, 20);
        Assert.Equal(1, _gateways[0].Concurrency.LimitOf(Limit with { Amount = 1 }, null)!.Value.Slots);
        var free = new SlotNeed("tenant=free");
        var full = new SlotNeed("tenant=full");
        full.Limits.Add(new SlotLimit(Limit, 1, 0));
        Assert.Equal(Limit, _gateways[0].Concurrency.TryEnter([free, full]));
        List<LevelReport> reports = [];
        _gateways[0].Concurrency.Collect(_now, reports);
        Assert.DoesNotContain(reports, static report => report is { Scope: "tenant=free", UnderWay: > 0 });
    }
}
