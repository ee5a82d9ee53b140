using System.Text;
using Metering.Core.Policies;
using Metering.Events;
using LimitPeriod = Metering.Core.Windows.LimitPeriod;
using LimitUnit = Metering.Core.Policies.LimitUnit;
using Policy = Metering.Core.Policies.Policy;
using PolicyMatch = Metering.Core.Policies.PolicyMatch;

namespace Metering.Pipeline.Tests.Govern;

/// <summary>Hard limits in GOVERN: the account itself is held by Core's own tests and histories; here, that records, policies and
/// state reach it.</summary>
public sealed class HardAccountTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private static readonly Policy Hard = new()
    {
        Name = "hard",
        Match = [new PolicyMatch("tenant", [], Each: true)],
        Unit = LimitUnit.Tokens,
        Amount = 1_000,
        Per = LimitPeriod.Minute,
        Hard = true,
    };

    private static async Task<GovernHarness> StartAsync(params Policy[] policies)
    {
        var govern = new GovernHarness(policies);
        govern.Use("tenant=nobody", 1);
        await govern.ResolveAsync();
        govern.Time.SetUtcNow(GovernHarness.Start.AddMinutes(1));
        return govern;
    }

    private static LeaseReport Report(Decision grant, long spent, long returned, bool closed) =>
        new() { LeaseId = grant.LeaseId!, WindowId = grant.WindowId!.Value, Spent = spent, Returned = returned, Closed = closed };

    [Fact]
    public async Task ProcessSide_grants_what_a_gateway_wants_and_commits_at_once_when_a_request_waits_R25_R29()
    {
        var govern = await StartAsync(Hard);
        govern.Ask("tenant=acme", "g1", 1, want: 300);
        Assert.False(govern.WantsCommit);
        govern.Ask("tenant=acme", "g1", 2, want: 300, must: 300);
        Assert.True(govern.WantsCommit);
        govern.Commit(Interval);

        var grant = Assert.Single(govern.Grants("g1"));
        Assert.StartsWith("tenant=acme|hard|g1|", grant.Key, StringComparison.Ordinal);
        Assert.Equal(("tokens", "minute", "hard", 2L), (grant.Unit, grant.Per, grant.Policy, grant.Answers));
        Assert.InRange(grant.Amount!.Value, 300, 1_000);
        Assert.InRange(grant.TtlMs!.Value, 1, 60_000);
        Assert.Equal(GovernHarness.Start.AddMinutes(1).ToUnixTimeMilliseconds() * 1000, grant.WindowId);
        Assert.Equal(1_000, grant.Because["limit"]);
        Assert.Empty(govern.Rows("decisions"));
    }

    [Fact]
    public async Task Usage_without_a_lease_is_charged_and_leased_usage_is_not_charged_twice_R23()
    {
        var govern = await StartAsync(Hard);
        govern.Use("tenant=acme", 700);
        govern.Use("tenant=acme", 900, leased: true);
        govern.Ask("tenant=acme", "g1", 1, want: 300, must: 300);
        govern.Commit(Interval);
        Assert.Equal(300, govern.Grants("g1").Sum(grant => grant.Amount));
        Assert.Equal(700, govern.Grants("g1")[0].Because["unleased"]);
        govern.Ask("tenant=acme", "g1", 2, want: 301, must: 1);
        govern.Commit(Interval);
        Assert.Equal(300, govern.Grants("g1").Sum(grant => grant.Amount));
    }

    [Fact]
    public async Task OnCommit_refuses_what_the_window_cannot_give_and_takes_the_refusal_back_when_it_is_over()
    {
        var govern = await StartAsync(Hard);
        govern.Use("tenant=acme", 5_000);
        govern.Ask("tenant=acme", "g1", 1, want: 10, must: 10);
        govern.Commit(Interval);
        var refusal = Assert.Single(govern.Grants("g1"));
        Assert.Equal((null, 0L, 1L), (refusal.LeaseId, refusal.Amount, refusal.Answers));
        Assert.InRange(refusal.RetryAfterMs!.Value, 1, 60_000);
        govern.Commit(TimeSpan.FromMinutes(1));
        govern.Commit(TimeSpan.FromSeconds(1));
        Assert.Empty(govern.Grants("g1"));
    }

    [Fact]
    public async Task A_crash_keeps_what_was_committed_and_a_report_settles_it_R9_R11_R24()
    {
        var govern = await StartAsync(Hard);
        govern.Ask("tenant=acme", "g1", 1, want: 400, must: 400);
        govern.Commit(Interval);
        var grant = Assert.Single(govern.Grants("g1"));
        for (var spent = 10; spent <= 30; spent += 10)
        {
            govern.Ask("tenant=acme", "g1", 1 + spent, want: 0, leases: Report(grant, spent, returned: 0, closed: false));
            govern.Commit(Interval); // each writes the same keys anew
        }
        govern.Ask("tenant=acme", "g2", 1, want: 100, must: 100); // its transaction is lost
        govern.Crash();
        Assert.Empty(govern.Grants("g2"));

        govern.Ask("tenant=acme", "g1", 40, want: 0, leases: Report(grant, spent: 150, returned: grant.Amount!.Value - 150, closed: true));
        govern.Commit(Interval);
        Assert.Empty(govern.Grants("g1")); // its tombstone
        govern.Crash(); // and that of its state
        govern.Ask("tenant=acme", "g2", 2, want: 1_000, must: 850);
        govern.Commit(Interval);
        Assert.Equal(850, govern.Grants("g2").Sum(one => one.Amount));
    }

    [Fact]
    public async Task A_policy_that_is_renamed_and_raised_keeps_the_windows_account_R30()
    {
        var govern = await StartAsync(Hard);
        govern.Use("tenant=acme", 900);
        govern.Commit(Interval);
        govern.Context.Policies = PolicyMatcher.Create([Hard with { Name = "other", Amount = 1_200 }]);
        govern.Commit(Interval);
        govern.Ask("tenant=acme", "g1", 1, want: 300, must: 300);
        govern.Commit(Interval);
        Assert.Equal(300, govern.Grants("g1").Sum(grant => grant.Amount));
        Assert.All(govern.Grants("g1"), grant => Assert.Equal("other", grant.Policy));
    }

    [Fact]
    public async Task ProcessSide_of_what_is_no_request_counts_it_and_goes_on()
    {
        var govern = await StartAsync(Hard);
        foreach (var bytes in new[] { [], [0, 0, 0, 0, 23], [0, 0, 0, 0, 23, 255, 255, 255], Encoding.UTF8.GetBytes("not this one") })
            govern.GiveSide("tenant=acme"u8, bytes);
        govern.Ask("tenant=acme", "", 1, want: 1);
        govern.Ask("tenant=acme", "g1", 1, want: -1);
        govern.Ask("tenant=acme", "g1", 1, want: 1, leases: new LeaseReport { LeaseId = "x", Spent = -1 });
        Assert.Equal(7, govern.Context.Counters.Undecodable);
        govern.Commit(Interval);
        Assert.Empty(govern.Grants("g1"));
    }

    [Fact]
    public async Task A_dead_gateways_lease_is_settled_by_what_was_metered_and_another_has_the_rest_R29()
    {
        var govern = await StartAsync(Hard);
        govern.Ask("tenant=acme", "g1", 1, want: 1_000, must: 1_000);
        govern.Commit(Interval);
        var grant = Assert.Single(govern.Grants("g1"));
        govern.Metered(grant.LeaseId, 120);
        govern.Commit(Interval);
        govern.Crash();
        govern.Metered(grant.LeaseId, 80);
        govern.Metered(null, endedGateway: "g1");
        Assert.True(govern.WantsCommit);
        govern.Ask("tenant=acme", "g2", 1, want: 900, must: 900);
        govern.Commit(Interval);

        Assert.Empty(govern.Grants("g1"));
        Assert.Equal(800, Assert.Single(govern.Grants("g2"), static grant => grant.LeaseId is not null).Amount);
    }
}
