using Metering.Client.Control;
using Metering.Events;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Client.Tests.Control;

public sealed class DecisionTableTests
{
    private const long T = 1_800_000_000_000_000;
    private const long Second = 1_000_000;

    private readonly FakeTimeProvider _time = new();
    private readonly DecisionTable _table;

    public DecisionTableTests() => _table = new DecisionTable(_time);

    private static Decision Deny(long version, long effectiveAt = T, long? expiresAt = null, long decidedAt = T) => new()
    {
        Key = "tenant=acme|p",
        Scope = "tenant=acme",
        Policy = "p",
        Version = version,
        Action = DecisionAction.Deny,
        Enforce = true,
        DecidedAtMicros = decidedAt,
        EffectiveAtMicros = effectiveAt,
        ExpiresAtMicros = expiresAt,
    };

    private static Decision Heartbeat(long at) => new() { Key = "heartbeat|0", Scope = "", Version = at, Action = DecisionAction.Heartbeat, DecidedAtMicros = at, EffectiveAtMicros = at };

    [Fact]
    public void Take_R24_keeps_the_newest_version_whatever_order_copies_come_in()
    {
        Assert.True(_table.Take(0, Deny(5), isNews: true));
        Assert.False(_table.Take(0, Deny(5), isNews: true));
        Assert.False(_table.Take(0, Deny(4), isNews: true));
        Assert.True(_table.Take(0, Deny(6), isNews: true));
        Assert.Equal(6, _table.InForce("tenant=acme", "p")!.Version);
        Assert.Equal(6, _table.TakeBack("tenant=acme|p")!.Version);
        Assert.Null(_table.InForce("tenant=acme", "p"));
        Assert.Null(_table.TakeBack("tenant=acme|p"));
    }

    [Fact]
    public void InForce_R27_counts_by_the_governors_clock_and_this_process_monotonic_one()
    {
        _table.Take(0, Deny(1, effectiveAt: T + (3 * Second), expiresAt: T + (10 * Second)), isNews: true);
        Assert.Null(_table.InForce("tenant=acme", "p"));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.NotNull(_table.InForce("tenant=acme", "p"));
        _time.Advance(TimeSpan.FromSeconds(6.9));
        Assert.NotNull(_table.InForce("tenant=acme", "p"));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Null(_table.InForce("tenant=acme", "p"));
    }

    [Fact]
    public void InForce_of_an_old_decision_that_a_start_reads_ends_by_the_newest_heartbeat()
    {
        _table.Take(0, Deny(1, expiresAt: T + (10 * Second)), isNews: false);
        Assert.NotNull(_table.InForce("tenant=acme", "p"));
        _table.Take(0, Heartbeat(T + (11 * Second)), isNews: false);
        Assert.Null(_table.InForce("tenant=acme", "p"));
    }

    [Fact]
    public void Silence_R30_is_counted_from_the_last_heartbeat_that_came_while_it_listened()
    {
        _table.Take(0, Heartbeat(T), isNews: false);
        Assert.Null(_table.ClockOf(0).Silence());
        _table.Take(0, Heartbeat(T + Second), isNews: true);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.FromSeconds(2), _table.ClockOf(0).Silence());
        Assert.Null(_table.ClockOf(1).Silence());
    }

    [Fact]
    public void NowMicros_never_goes_back_when_a_governor_that_took_over_says_less()
    {
        _table.Take(0, Heartbeat(T + (5 * Second)), isNews: true);
        _table.Take(0, Heartbeat(T), isNews: true);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(T + (6 * Second), _table.ClockOf(0).NowMicros());
    }
}
