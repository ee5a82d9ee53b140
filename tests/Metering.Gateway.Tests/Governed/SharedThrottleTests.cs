using Metering.Core.Shares;
using Metering.Gateway.Governed;

namespace Metering.Gateway.Tests.Governed;

/// <summary>Two and three gateways and a governor that divides a throttle among them, in virtual time: what goes through all of them
/// together stays at the rate, wherever the traffic goes (docs/policies.md).</summary>
public sealed class SharedThrottleTests
{
    private const long Second = 1_000_000, Step = 10_000;
    private const long Rate = 1_000, Burst = 2_000, TokensEach = 50;
    private const int HeldUp = 15; // steps that a request, a report and a decision are under way

    private readonly GatewayLevels _levels = new();
    private readonly List<Throttles> _gateways = [];
    private readonly Queue<(long At, int Gateway)> _underWay = new();
    private readonly Queue<(long At, List<LevelReport> Reports)> _reports = new();
    private readonly Queue<(long At, IDictionary<string, long> Shares)> _decisions = new();
    private readonly List<long> _usedBySecond = [];
    private readonly long[] _usedOf = new long[3];
    private readonly Random _random = new(7);
    private IDictionary<string, long> _published = new Dictionary<string, long>(StringComparer.Ordinal), _heard = new Dictionary<string, long>(StringComparer.Ordinal);
    private long _now = 1_000 * Second;

    private void Run(long seconds, params int[] requestsPerSecond)
    {
        while (_gateways.Count < requestsPerSecond.Length)
            _gateways.Add(new Throttles($"g{_gateways.Count}"));
        for (var end = _now + (seconds * Second); _now < end; _now += Step)
        {
            for (var gateway = 0; gateway < requestsPerSecond.Length; gateway++)
                Ask(gateway, requestsPerSecond[gateway]);
            while (_underWay.TryPeek(out var ended) && ended.At <= _now)
                _gateways[_underWay.Dequeue().Gateway].Take("tenant=acme", "p", TokensEach);
            Govern(requestsPerSecond);
        }
    }

    private void Ask(int gateway, int perSecond)
    {
        if (_random.NextInt64(Second) >= perSecond * Step)
            return;
        if (_gateways[gateway].WaitFor("tenant=acme", "p", Rate, Burst, _now, RateShares.Of(_heard, $"g{gateway}")) > TimeSpan.Zero)
            return;
        _underWay.Enqueue((_now + (HeldUp * Step), gateway));
        _usedOf[gateway] += TokensEach;
        while (_usedBySecond.Count <= (_now / Second) - 1_000)
            _usedBySecond.Add(0);
        _usedBySecond[^1] += TokensEach;
    }

    // A gateway that gets no traffic in this phase of a test is dead if its figure is negative.
    private void Govern(int[] requestsPerSecond)
    {
        List<LevelReport> reports = [];
        for (var gateway = 0; gateway < requestsPerSecond.Length; gateway++)
        {
            if (requestsPerSecond[gateway] >= 0)
                _gateways[gateway].Collect(_now, reports);
        }
        _reports.Enqueue((_now + (HeldUp * Step), reports));
        while (_reports.TryPeek(out var came) && came.At <= _now)
            _reports.Dequeue().Reports.ForEach(report => _levels.Take(report));
        var isTick = _now % Second == 0;
        if (isTick)
            _levels.DropSilent(_now);
        var shares = RateShares.Divide(_levels, _published, isTick);
        if (!ReferenceEquals(shares, _published))
            _decisions.Enqueue((_now + (HeldUp * Step), _published = shares));
        while (_decisions.TryPeek(out var heard) && heard.At <= _now)
            _heard = _decisions.Dequeue().Shares;
    }

    // What went in any stretch of seconds: burst, rate, and what was under way when the buckets were full for the last time.
    private void CheckBound(int gateways)
    {
        for (var from = 0; from < _usedBySecond.Count; from++)
        {
            long sum = 0;
            for (var to = from; to < _usedBySecond.Count; to++)
            {
                sum += _usedBySecond[to];
                var inFlight = gateways * TokensEach * 2 * HeldUp;
                Assert.True(sum <= Burst + (Rate * (to - from + 1)) + inFlight, $"{sum} tokens in the seconds {from} to {to}: {string.Join(' ', _usedBySecond)}");
            }
        }
    }

    [Theory]
    [InlineData(100, 100, -1)]
    [InlineData(180, 20, -1)] // nine tenths through one
    [InlineData(180, 10, 10)]
    [InlineData(60, 60, 60)]
    public void The_sum_of_all_gateways_stays_at_the_rate_and_uses_it(int first, int second, int third)
    {
        int[] traffic = third < 0 ? [first, second] : [first, second, third];
        Run(60, traffic);
        CheckBound(traffic.Length);
        Assert.InRange(_usedBySecond.Skip(5).Average(), 0.85 * Rate, 1.02 * Rate);
        // Each gateway's part is that of its traffic.
        Assert.InRange((double)_usedOf[0] / _usedOf.Sum(), (0.85 * first / traffic.Sum()) - 0.02, (1.15 * first / traffic.Sum()) + 0.02);
    }

    [Fact]
    public void Traffic_that_moves_from_one_gateway_to_the_other_takes_its_share_along()
    {
        for (var i = 0; i < 10; i++)
        {
            Run(6, 190, 10);
            Run(6, 10, 190);
        }
        CheckBound(2);
        Assert.InRange(_usedBySecond.Skip(5).Average(), 0.6 * Rate, 1.02 * Rate);
    }

    [Fact]
    public void A_gateway_that_comes_is_named_within_a_second_and_one_that_dies_leaves_its_share_after_3()
    {
        Run(10, 100);
        Run(10, 100, 100);
        Assert.InRange(RateShares.Of(_heard, "g1"), 400_000, 600_000);
        Run(20, 100, -1);
        Assert.Equal(RateShares.Whole, RateShares.Of(_heard, "g0"));
        CheckBound(2);
        Assert.InRange(_usedBySecond.TakeLast(14).Average(), 0.85 * Rate, 1.02 * Rate);
        Run(1, 100, 100, 100);
        Assert.InRange(RateShares.Of(_heard, "g2"), 1, RateShares.Whole);
    }
}
