using Metering.Core.Policies;
using Metering.Core.Windows;
using Metering.Events;
using Metering.Kafka.Tasks;
using LimitPeriod = Metering.Core.Windows.LimitPeriod;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using Policy = Metering.Core.Policies.Policy;
using PolicyMatch = Metering.Core.Policies.PolicyMatch;
using PolicyStep = Metering.Core.Policies.PolicyStep;
using StepAction = Metering.Core.Policies.StepAction;

namespace Metering.Pipeline.Tests.Govern;

public sealed class SharedLimitTests
{
    private const string Key = "tenant=acme|per-minute";

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private static readonly Policy PerMinute = new()
    {
        Name = "per-minute",
        Match = [new PolicyMatch("tenant", [], Each: true)],
        Unit = LimitUnit.Tokens,
        Amount = 1_000,
        Per = LimitPeriod.Minute,
        Steps = [new PolicyStep(800_000, StepAction.Throttle) { TokensPerSecond = 10 }],
    };

    internal static async Task<GovernHarness> StartAsync(params Policy[] policies)
    {
        var govern = new GovernHarness(policies);
        Assert.Equal(ProcessResult.Wait, govern.Use("tenant=nobody", 1));
        await govern.ResolveAsync();
        govern.Time.SetUtcNow(GovernHarness.Start.AddMinutes(1));
        return govern;
    }

    [Fact]
    public async Task A_throttle_is_divided_among_the_gateways_that_report_traffic_and_the_ledger_has_one_row_of_it()
    {
        var govern = await StartAsync(PerMinute);
        govern.Use("tenant=acme", 900);
        govern.Commit(Tick);
        Assert.Equal(new Dictionary<string, long>(StringComparer.Ordinal) { ["*"] = 0 }, govern.Control[Key].SharesPpm); // nobody is known yet

        govern.Level("tenant=acme", "a", 1, "tokens", demand: 90);
        govern.Level("tenant=acme", "b", 1, "tokens", demand: 10);
        govern.Commit(TimeSpan.FromMilliseconds(50));

        Assert.Equal((900_000, 100_000), (govern.Control[Key].SharesPpm["a"], govern.Control[Key].SharesPpm["b"]));
        Assert.Single(govern.Rows("decisions"));
        govern.Commit(Tick);
        Assert.Equal(2, govern.ControlLog.Count(entry => entry.Key == Key)); // nothing has moved, so nothing is said
    }

    [Fact]
    public async Task A_takeover_keeps_the_shares_until_the_gateways_have_spoken_again()
    {
        var govern = await StartAsync(PerMinute);
        govern.Use("tenant=acme", 900);
        govern.Commit(Tick);
        govern.Level("tenant=acme", "a", 1, "tokens", demand: 90);
        govern.Level("tenant=acme", "b", 1, "tokens", demand: 10);
        govern.Commit(Tick);
        govern.Crash();
        govern.Level("tenant=acme", "a", 2, "tokens", demand: 90);
        govern.Commit(Tick);
        Assert.Equal(100_000, govern.Control[Key].SharesPpm["b"]);
        for (var second = 0; second < 3; second++)
        {
            govern.Level("tenant=acme", "a", 3 + second, "tokens", demand: 90);
            govern.Commit(Tick);
        }

        Assert.Equal(1_000_000, govern.Control[Key].SharesPpm["a"]);
        Assert.DoesNotContain("b", govern.Control[Key].SharesPpm.Keys);
    }

    private static readonly Policy UnderWay = new()
    {
        Name = "under-way",
        Match = [new PolicyMatch("tenant", [], Each: true)],
        Unit = LimitUnit.Concurrent,
        Amount = 10,
        Per = LimitPeriod.None,
        Steps = [new PolicyStep(500_000, StepAction.CapOutput) { MaxOutputTokens = 64 }, new PolicyStep(1_000_000, StepAction.Deny)],
    };

    [Fact]
    public async Task A_concurrent_limits_steps_follow_what_gateways_have_under_way_and_its_slots_are_divided()
    {
        const string OfSlots = "tenant=acme|under-way";
        var govern = await StartAsync(UnderWay);
        govern.Level("tenant=acme", "a", 1, "concurrent", demand: 1, underWay: 1);
        govern.Commit(Tick);
        Assert.DoesNotContain(OfSlots, govern.Control.Keys);

        govern.Level("tenant=acme", "a", 2, "concurrent", demand: 4, underWay: 4);
        govern.Level("tenant=acme", "b", 1, "concurrent", demand: 2, underWay: 2);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        var divided = govern.Control[OfSlots];
        Assert.Equal((DecisionAction.CapOutput, 64L, 10L), (divided.Action, divided.MaxOutputTokens, divided.MaxConcurrent));
        Assert.InRange(divided.Slots.Values.Sum(), 6, 10);

        govern.Level("tenant=acme", "a", 3, "concurrent", demand: 8, underWay: 6, knows: divided.Version);
        govern.Level("tenant=acme", "b", 2, "concurrent", demand: 4, underWay: 4, knows: divided.Version);
        govern.Commit(Tick);
        Assert.Equal(DecisionAction.Deny, govern.Control[OfSlots].Action);

        // Both die: what they had is free again, and once nothing needs a division, it ends.
        for (var second = 0; second < 20; second++)
            govern.Commit(Tick);
        Assert.DoesNotContain(OfSlots, govern.Control.Keys);
    }

    [Fact]
    public async Task A_takeover_gives_no_slot_away_before_those_that_hold_slots_have_spoken()
    {
        const string OfSlots = "tenant=acme|under-way";
        var govern = await StartAsync(UnderWay);
        govern.Level("tenant=acme", "a", 1, "concurrent", demand: 9, underWay: 9);
        govern.Commit(Tick);
        var before = govern.Control[OfSlots];
        govern.Crash();
        govern.Level("tenant=acme", "b", 1, "concurrent", demand: 5);
        govern.Commit(Tick);
        Assert.Equal(before.Version, govern.Control[OfSlots].Version);
        govern.Level("tenant=acme", "a", 2, "concurrent", demand: 5, underWay: 5, knows: before.Version);
        govern.Commit(Tick);
        var slots = govern.Control[OfSlots].Slots;
        Assert.InRange(Math.Max(5, slots["a"]) + slots["b"], 1, 10);
        govern.Level("tenant=acme", "a", 3, "concurrent", demand: 5, underWay: 5, knows: govern.Control[OfSlots].Version);
        govern.Level("tenant=acme", "b", 2, "concurrent", demand: 5, knows: govern.Control[OfSlots].Version);
        govern.Commit(Tick);
        slots = govern.Control[OfSlots].Slots;
        Assert.InRange(slots["b"], 4, 5);
    }
}
