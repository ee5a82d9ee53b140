using Metering.Events;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Combining: what an interval adds to each scope's usage, in the transaction that holds its events.</summary>
public sealed class UsageDeltaTests
{
    private const long Second = 1_000_000;

    private readonly MeterHarness _meter = new();

    [Fact]
    public async Task An_event_counts_in_each_of_its_scopes_with_all_its_sums()
    {
        await _meter.TakeAsync(Event(1).With(e =>
        {
            (e.ApiKey, e.Route, e.Pool) = ("k_1", "/v1/chat", "h100");
            (e.CachedInputTokens, e.CacheWriteTokens, e.ReasoningTokens) = (3, 2, 4);
        }));

        Assert.Equal(
            ["*", "key=k_1", "model=small", "pool=h100", "route=%2Fv1%2Fchat", "tenant=acme", "tenant=acme/model=small", "tenant=acme/route=%2Fv1%2Fchat"],
            _meter.Committed.Deltas.Select(delta => delta.Scope).Order(StringComparer.Ordinal));
        Assert.All(_meter.Committed.Deltas, delta => Assert.Equal(
            (1L, 10L, 3L, 2L, 5L, 4L, _meter.Events[0].Int64("cost_pico_usd"), 0L, false),
            (delta.Requests, delta.InputTokens, delta.CachedInputTokens, delta.CacheWriteTokens, delta.OutputTokens, delta.ReasoningTokens, delta.CostPicoUsd, delta.Unpriced, delta.Leased)));
    }

    [Fact]
    public async Task A_dimension_that_an_event_lacks_has_no_scope()
    {
        await _meter.TakeAsync(Event(1));
        Assert.Equal(["*", "model=small", "tenant=acme", "tenant=acme/model=small"], _meter.Committed.Deltas.Select(delta => delta.Scope).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Events_of_one_second_are_one_delta_a_scope_and_of_two_seconds_two()
    {
        await _meter.TakeAsync(Event(1), Event(2), Event(3).With(e => e.EventTimeMicros -= Second), Event(4).With(e => e.Tenant = "other"));
        Assert.Equal([(NowMicros - (2 * Second), 1L), (NowMicros - Second, 3)], Of("*").OrderBy(delta => delta.TimeMicros).Select(delta => (delta.TimeMicros, delta.Requests)));
        Assert.Equal([1L, 2], Of("tenant=acme").OrderBy(delta => delta.TimeMicros).Select(delta => delta.Requests));
        Assert.Equal([1L], Of("tenant=other").Select(delta => delta.Requests));
    }

    [Fact]
    public async Task R31_A_late_or_early_event_keeps_its_own_second_and_moves_rates_in_those_before_its_arrival()
    {
        await _meter.TakeAsync(Event(1).With(e => e.EventTimeMicros = NowMicros - (3600 * Second)), Event(2).With(e => e.EventTimeMicros = NowMicros + (60 * Second)));
        Assert.Equal([(-3600L, -10L), (60, 0)], Of("*").Select(delta => ((delta.TimeMicros - NowMicros) / Second, (delta.RateTimeMicros - NowMicros) / Second)));
        Assert.Equal(2, _meter.Context.Counters.Clamped);
    }

    [Fact]
    public async Task R23_What_leases_paid_for_is_told_apart()
    {
        await _meter.TakeAsync(Event(1).With(e => e.LeaseId = "lease-1"), Event(2), Event(3).With(e => e.LeaseId = "lease-2"));
        Assert.Equal([(false, 1L), (true, 2)], Of("tenant=acme").OrderBy(delta => delta.Leased).Select(delta => (delta.Leased, delta.Requests)));
    }

    [Fact]
    public async Task Duplicates_and_rejected_events_add_nothing_and_what_has_no_price_is_counted()
    {
        await _meter.TakeAsync(Event(1), Event(1), Event(2).With(e => e.InputTokens = -1), Event(3).With(e => e.Model = "unheard-of"));
        Assert.Equal((2L, 20L, 1L), (Of("*").Sum(delta => delta.Requests), Of("*").Sum(delta => delta.InputTokens), Of("*").Sum(delta => delta.Unpriced)));
    }

    [Fact]
    public async Task Costs_beyond_an_Int64_go_on_in_a_second_delta()
    {
        const long dear = long.MaxValue / 12; // 10 tokens fit, 20 do not
        _meter.Context.Prices = TestPrices.Book(("small", dear, 0));
        await _meter.TakeAsync(Event(1), Event(2), Event(3));
        Assert.Equal([(1L, 10 * dear), (1, 10 * dear), (1, 10 * dear)], Of("*").Select(delta => (delta.Requests, delta.CostPicoUsd)));
    }

    [Fact]
    public async Task Deltas_of_an_interval_that_is_lost_are_lost_with_it()
    {
        _meter.Add(Event(1));
        await _meter.RunAsync();
        _meter.CommitAndLoseIt();
        Assert.Empty(_meter.Committed.Deltas);
        await _meter.RunAsync();
        _meter.Commit();
        _meter.Commit();
        Assert.Equal([1L], Of("*").Select(delta => delta.Requests));
    }

    [Fact]
    public async Task A_flood_of_tenants_and_blocks_of_several_months_add_up()
    {
        const int events = 6_000;
        for (var i = 1; i <= events; i++)
            _meter.Add(Event(i).With(e => (e.Tenant, e.EventTimeMicros) = ($"tenant-{i % 2_000}", NowMicros - (i % 3 * 40L * 86_400 * Second))));
        await _meter.RunAsync();
        _meter.Commit();

        Assert.Equal(events, Of("*").Sum(delta => delta.Requests));
        Assert.Equal(events, _meter.Committed.Deltas.Where(delta => delta.Scope.StartsWith("tenant=", StringComparison.Ordinal) && !delta.Scope.Contains('/')).Sum(delta => delta.Requests));
        Assert.Equal(_meter.Events.Where(row => row.Text("tenant") == "tenant-77").Sum(row => row.Int64("cost_pico_usd")), Of("tenant=tenant-77").Sum(delta => delta.CostPicoUsd));
    }

    private UsageDelta[] Of(string scope) => [.. _meter.Committed.Deltas.Where(delta => delta.Scope == scope)];
}
