using Metering.Core.Policies;
using Metering.Events;
using static Metering.Pipeline.Tests.Meter.TestEvents;
using static Metering.Pipeline.Tests.Meter.TestPolicies;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>The scopes that METER sums up because policies name them.</summary>
public sealed class PolicyUsageTests
{
    private readonly MeterHarness _meter = new();

    [Fact]
    public async Task An_event_counts_in_each_scope_that_a_policy_names_with_all_its_sums()
    {
        _meter.Context.Policies = Matcher(Of("list", Is("tenant", "acme", "blue")), Of("team", Each("tenant"), Each("tag.team")), Of("other", Is("tenant", "blue"), Is("pool", "h100")));
        await _meter.TakeAsync(
            Event(1).With(e => (e.CachedInputTokens, e.CacheWriteTokens, e.ReasoningTokens, e.Tags) = (3, 2, 4, new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = "a/b" })),
            Event(2).With(e => (e.Tenant, e.Pool) = ("blue", "h100")),
            Event(3).With(e => (e.Tenant, e.Pool) = ("red", "h100")));

        Assert.Equal([("tenant=acme,blue", 2L), ("tenant=acme/tag.team=a%2Fb", 1), ("tenant=blue/pool=h100", 1)],
            _meter.Committed.Deltas.Where(delta => delta.Scope.Contains(',', StringComparison.Ordinal) || delta.Scope.Contains("/tag.", StringComparison.Ordinal) || delta.Scope.Contains("/pool=", StringComparison.Ordinal))
                .Select(delta => (delta.Scope, delta.Requests)).Order());
        var team = Assert.Single(DeltasOf("tenant=acme/tag.team=a%2Fb"));
        Assert.Equal((1L, 10L, 3L, 2L, 5L, 4L, _meter.Events[0].Int64("cost_pico_usd"), 0L, false),
            (team.Requests, team.InputTokens, team.CachedInputTokens, team.CacheWriteTokens, team.OutputTokens, team.ReasoningTokens, team.CostPicoUsd, team.Unpriced, team.Leased));
    }

    [Fact]
    public async Task A_scope_that_is_summed_anyway_or_named_by_several_policies_counts_once()
    {
        _meter.Context.Policies = Matcher(Of("all"), Of("tenant", Is("tenant", "acme")), Of("model", Each("tenant"), Is("model", "small")), Of("a", Is("tenant", "acme"), Each("pool")), Of("b", Each("tenant"), Is("pool", "h100")));
        await _meter.TakeAsync(Event(1).With(e => e.Pool = "h100"), Event(2).With(e => e.Pool = "h100"));
        Assert.Equal(["*", "model=small", "pool=h100", "tenant=acme", "tenant=acme/model=small", "tenant=acme/pool=h100"], _meter.Committed.Deltas.Select(delta => delta.Scope).Order(StringComparer.Ordinal));
        Assert.All(_meter.Committed.Deltas, delta => Assert.Equal(2, delta.Requests));
    }

    [Fact]
    public async Task R23_Seconds_and_leased_usage_are_told_apart_in_a_policys_scope_too()
    {
        _meter.Context.Policies = Matcher(Of("list", Is("tenant", "acme", "blue")));
        await _meter.TakeAsync(Event(1), Event(2).With(e => e.LeaseId = "lease-1"), Event(3).With(e => e.EventTimeMicros -= 1_000_000));
        Assert.Equal([(NowMicros - 2_000_000, false), (NowMicros - 1_000_000, false), (NowMicros - 1_000_000, true)], DeltasOf("tenant=acme,blue").Select(delta => (delta.TimeMicros, delta.Leased)).Order());
    }

    [Fact]
    public async Task Policies_that_change_within_an_interval_count_from_then_on()
    {
        _meter.Add(Event(1));
        await _meter.RunAsync();
        _meter.Context.Policies = Matcher(Of("list", Is("tenant", "acme", "blue")));
        _meter.Add(Event(2));
        _meter.Add(Event(2));
        await _meter.RunAsync();
        _meter.Context.Policies = PolicyMatcher.Empty;
        _meter.Add(Event(3));
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal((1L, 3L), (DeltasOf("tenant=acme,blue").Sum(delta => delta.Requests), DeltasOf("*").Sum(delta => delta.Requests)));
    }

    [Fact]
    public async Task R15_Names_of_any_size_and_a_flood_of_values_add_up()
    {
        const int events = 3_000;
        _meter.Context.Policies = Matcher(Of("wide", Each("tenant"), Each("key"), Each("model"), Each("route"), Each("pool"), Each("tag.t")));
        for (var i = 1; i <= events; i++)
        {
            _meter.Add(Event(i).With(e =>
            {
                (e.ApiKey, e.Route, e.Pool) = (new string('/', 512), new string('%', 512), new string(',', 512));
                e.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["t"] = new string('|', 1_000) + $"{i % 1_000:D4}" };
            }));
        }
        await _meter.RunAsync();
        _meter.Commit();
        var deltas = _meter.Committed.Deltas.Where(delta => delta.Scope.Contains("/tag.t=", StringComparison.Ordinal)).ToArray();
        Assert.Equal((events, 1_000), (deltas.Sum(delta => delta.Requests), deltas.DistinctBy(delta => delta.Scope).Count()));
    }

    private UsageDelta[] DeltasOf(string scope) => [.. _meter.Committed.Deltas.Where(delta => delta.Scope == scope)];
}
