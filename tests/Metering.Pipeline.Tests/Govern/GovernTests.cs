using System.Text;
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

public sealed class GovernTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>1,000 tokens a minute for each tenant: at 80 % a throttle, at 100 % no more.</summary>
    private static readonly Policy PerMinute = new()
    {
        Name = "per-minute",
        Match = [new PolicyMatch("tenant", [], Each: true)],
        Unit = LimitUnit.Tokens,
        Amount = 1_000,
        Per = LimitPeriod.Minute,
        Steps =
        [
            new PolicyStep(800_000, StepAction.Throttle) { TokensPerSecond = 10 },
            new PolicyStep(900_000, StepAction.CapOutput) { MaxOutputTokens = 64 },
            new PolicyStep(1_000_000, StepAction.Deny),
        ],
        Message = "enough for this minute",
    };

    private static Signal Newest(GovernHarness govern, string scope, long windowMs) => govern.Signals.Last(signal => signal.Scope == scope && signal.WindowMs == windowMs);

    private static async Task<GovernHarness> StartAsync(params Policy[] policies)
    {
        var govern = new GovernHarness(policies);
        Assert.Equal(ProcessResult.Wait, govern.Use("tenant=nobody", 1)); // R16: until the registry has told of the schema
        await govern.ResolveAsync();
        govern.Time.SetUtcNow(GovernHarness.Start.AddMinutes(1));
        return govern;
    }

    [Fact]
    public async Task OnCommit_tells_a_scopes_rates_over_each_window_and_0_once_it_is_quiet_R31()
    {
        var govern = await StartAsync();
        for (var second = 0; second < 20; second++)
        {
            govern.Use("tenant=acme", 80, 20, costPicoUsd: 5);
            govern.Commit(Tick);
        }

        var rate = Newest(govern, "tenant=acme", 10_000);
        Assert.Equal(SignalKind.Rate, rate.Kind);
        Assert.Equal("usage", rate.Name);
        Assert.Equal((10L, 800L, 200L, 100L, 50L), (rate.Figures["requests"], rate.Figures["input_tokens"], rate.Figures["output_tokens"], rate.Figures["tokens_per_second"], rate.Figures["cost_pico_usd"]));
        Assert.Equal(50 * 360, rate.Figures["cost_pico_usd_per_hour"]);
        Assert.Equal(1_280, Newest(govern, "tenant=acme", 60_000).Figures["input_tokens"]); // at the last fifth tick
        Assert.Equal(1_280, Newest(govern, "tenant=acme", 3_600_000).Figures["input_tokens"]);
        for (var second = 0; second < 12; second++)
            govern.Commit(Tick);
        Assert.Equal(0, Newest(govern, "tenant=acme", 10_000).Figures["requests"]);
        var told = govern.Signals.Count(signal => signal.WindowMs == 10_000);
        govern.Commit(Tick);
        Assert.Equal(told, govern.Signals.Count(signal => signal.WindowMs == 10_000)); // said once
        Assert.Contains(govern.Rows("signals"), row => row.Text("scope") == "tenant=acme" && row.Int64("window_ms") == 3_600_000);
    }

    [Fact]
    public async Task OnCommit_after_a_crash_goes_on_with_the_rates_and_accounts_of_the_last_commit_R9()
    {
        var (govern, undisturbed) = (await StartAsync(PerMinute), await StartAsync(PerMinute));
        for (var second = 0; second < 9; second++)
        {
            foreach (var one in new[] { govern, undisturbed })
            {
                one.Use("tenant=acme", 100);
                one.Commit(Tick);
            }
            govern.Use("tenant=acme", 1_000_000); // its transaction is lost
            govern.Crash();
        }

        Assert.Equal(Newest(undisturbed, "tenant=acme", 10_000).Figures, Newest(govern, "tenant=acme", 10_000).Figures);
        var (expected, actual) = (undisturbed.Control["tenant=acme|per-minute"], govern.Control["tenant=acme|per-minute"]);
        Assert.Equal(expected.Action, actual.Action);
        Assert.Equal(expected.Because, actual.Because);
        Assert.Equal(undisturbed.ControlLog.Count(entry => entry.Key == "tenant=acme|per-minute"), govern.ControlLog.Count(entry => entry.Key == "tenant=acme|per-minute"));
    }

    [Fact]
    public async Task OnCommit_publishes_the_highest_step_that_is_reached_with_what_lower_ones_set_R24()
    {
        var govern = await StartAsync(PerMinute);
        govern.Use("tenant=acme", 700, 99);
        govern.Use("tenant=blue", 10);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        Assert.DoesNotContain("tenant=acme|per-minute", govern.Control.Keys);

        govern.Use("tenant=acme", 1);
        govern.Commit(TimeSpan.FromMilliseconds(50)); // at once, not at the next tick
        var throttle = govern.Control["tenant=acme|per-minute"];
        Assert.Equal((DecisionAction.Throttle, 10L, null), (throttle.Action, throttle.TokensPerSecond, throttle.MaxOutputTokens));
        Assert.Equal(GovernHarness.Start.AddMinutes(2).ToUnixTimeMilliseconds() * 1000, throttle.ExpiresAtMicros);
        Assert.True(throttle.Enforce);
        Assert.Equal("enough for this minute", throttle.Message);
        Assert.Equal((1_000L, 800L, 800_000L), (throttle.Because["limit"], throttle.Because["used"], throttle.Because["step_ppm"]));

        govern.Use("tenant=acme", 150);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        Assert.Equal((DecisionAction.CapOutput, 10L, 64L), (govern.Control["tenant=acme|per-minute"].Action, govern.Control["tenant=acme|per-minute"].TokensPerSecond, govern.Control["tenant=acme|per-minute"].MaxOutputTokens));
        govern.Use("tenant=acme", 50);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        var deny = govern.Control["tenant=acme|per-minute"];
        Assert.Equal(DecisionAction.Deny, deny.Action);
        Assert.InRange(deny.RetryAfterMs!.Value, 50_000, 60_000);
        govern.Use("tenant=acme", 50);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        Assert.Equal(deny.Version, govern.Control["tenant=acme|per-minute"].Version); // nothing new to say
        Assert.DoesNotContain("tenant=blue|per-minute", govern.Control.Keys);
    }

    [Fact]
    public async Task OnCommit_takes_a_decision_back_when_its_window_is_over()
    {
        var govern = await StartAsync(PerMinute);
        govern.Use("tenant=acme", 5_000);
        govern.Commit(Tick);
        Assert.Contains("tenant=acme|per-minute", govern.Control.Keys);
        govern.Commit(TimeSpan.FromSeconds(60));
        Assert.DoesNotContain("tenant=acme|per-minute", govern.Control.Keys);
        Assert.Equal(["deny", "taken_back"], govern.Rows("decisions").Where(row => row.Text("scope") == "tenant=acme").Select(row => row.Text("action")));
    }

    [Fact]
    public async Task OnCommit_in_shadow_publishes_and_stores_what_it_would_have_done()
    {
        var govern = await StartAsync(PerMinute with { IsShadow = true });
        govern.Use("tenant=acme", 5_000);
        govern.Commit(Tick);
        Assert.False(govern.Control["tenant=acme|per-minute"].Enforce);
        Assert.Equal((byte)0, Assert.Single(govern.Rows("decisions"))["enforce"]);
    }

    [Fact]
    public async Task Policies_that_change_keep_the_account_and_those_that_go_take_their_decisions_with_them_R30()
    {
        var govern = await StartAsync(PerMinute);
        govern.Use("tenant=acme", 700);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        govern.Context.Policies = PolicyMatcher.Create([PerMinute with { Name = "renamed", Amount = 500 }]);
        govern.Commit(TimeSpan.FromMilliseconds(50));
        Assert.Equal((700L, 500L), (govern.Control["tenant=acme|renamed"].Because["used"], govern.Control["tenant=acme|renamed"].Because["limit"]));
        govern.Context.Policies = PolicyMatcher.Empty;
        govern.Commit(TimeSpan.FromMilliseconds(50));
        Assert.DoesNotContain(govern.Control.Keys, key => key.StartsWith("tenant", StringComparison.Ordinal));
    }

    [Fact]
    public async Task OnCommit_R30_sends_a_heartbeat_each_second_and_R27_never_goes_back_in_time()
    {
        var govern = await StartAsync();
        govern.Commit();
        Assert.False(govern.IsIdleCommitDue);
        govern.Time.Advance(Tick);
        Assert.True(govern.IsIdleCommitDue);
        govern.Commit();
        var first = govern.Control["heartbeat|3"];
        Assert.Equal((DecisionAction.Heartbeat, 1L), (first.Action, first.Epoch));

        govern.Crash();
        govern.Context.Policies = PolicyMatcher.Create([PerMinute]);
        govern.Use("tenant=acme", 1); // LogAppendTime is the broker's: its clock goes on
        govern.Time.AdjustTime(govern.Time.GetUtcNow().AddHours(-1));
        for (var i = 0; i < 3; i++)
            govern.Commit();
        Assert.True(govern.Control["heartbeat|3"].DecidedAtMicros >= first.DecidedAtMicros);
        Assert.Equal(2, govern.Control["heartbeat|3"].Epoch);
    }

    [Fact]
    public async Task OnCommit_forgets_a_scope_that_has_been_quiet_for_an_hour_and_leaves_no_state_behind()
    {
        var govern = await StartAsync(PerMinute);
        govern.Commit(Tick);
        var before = govern.StateKeys;
        for (var i = 0; i < 30; i++)
        {
            govern.Use("tenant=acme", 100);
            govern.Commit(TimeSpan.FromSeconds(7));
        }
        Assert.True(govern.StateKeys > before + 30);
        govern.Commit(TimeSpan.FromHours(2));
        govern.Commit(Tick);
        Assert.Equal(before, govern.StateKeys);
        Assert.Equal(0, govern.Context.Counters.Scopes);
        govern.Crash();
        govern.Use("tenant=acme", 42);
        govern.Commit(Tick);
        Assert.Equal(42, Newest(govern, "tenant=acme", 10_000).Figures["input_tokens"]);
    }

    [Fact]
    public async Task Process_of_what_is_no_delta_counts_it_and_goes_on()
    {
        var govern = await StartAsync();
        foreach (var bytes in new[] { [], [1, 2, 3], [0, 0, 0, 0, 22], [0, 0, 0, 0, 22, 255, 255, 255, 255, 15], Encoding.UTF8.GetBytes("hello there") })
            Assert.Equal(ProcessResult.Taken, govern.Give("tenant=acme"u8, bytes));
        Assert.Equal(ProcessResult.Wait, govern.Use("tenant=acme", 1, schemaId: 99));
        await govern.ResolveAsync();
        Assert.Equal(ProcessResult.Taken, govern.Use("tenant=acme", 1, schemaId: 99));
        Assert.Equal(6, govern.Context.Counters.Undecodable);
        Assert.Equal(0, govern.Context.Counters.Deltas);
    }
}
