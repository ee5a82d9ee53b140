using Metering.Events;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>R29: what METER tells governors of leases, so that a dead gateway's are settled by what was metered.</summary>
public sealed class PaidLeasesTests
{
    private const string Source = "gateway-1";

    private readonly MeterHarness _meter = new(Core.Sources.Murmur2.PartitionOf("gateway-1"u8, 4), 4);

    private static TokenEvent Paid(long sequence, params (string Lease, long Amount)[] paid) => Event(sequence, Source).With(e =>
    {
        e.LeaseId = paid.Length > 0 ? paid[0].Lease : null;
        foreach (var (lease, amount) in paid)
            e.PaidBy[lease] = amount;
    });

    [Fact]
    public async Task An_intervals_payments_are_one_sum_a_lease_in_the_partition_of_its_governor_R29()
    {
        await _meter.TakeAsync(Paid(1, ("2-a1", 30), ("0-b7", 900)), Paid(2, ("2-a1", 12)), Paid(3), Paid(4, ("nobody", 5), ("9-x", 5)));

        Assert.Equal([(0, "0-b7", 900, null), (2, "2-a1", 42, null)], _meter.Committed.OfLeases.OrderBy(static one => one.Partition));
        Assert.Contains(_meter.Committed.Deltas, delta => delta is { Scope: "tenant=acme", Leased: true, Requests: 3 }); // R23: still apart
    }

    [Fact]
    public async Task A_duplicate_pays_nothing_and_a_rejected_event_pays_all_the_same_R29()
    {
        await _meter.TakeAsync(Paid(1, ("2-a1", 30)), Paid(1, ("2-a1", 30)), Paid(2, ("2-a1", 7)).With(e => e.InputTokens = -1), Paid(3, ("2-a1", 1)).With(e => e.PaidBy["2-bad"] = -5));

        Assert.Equal([(2, "2-a1", 38, null)], _meter.Committed.OfLeases);
        Assert.Equal(2, _meter.Letters.Length);
        Assert.Contains("paid_by", _meter.Letters[1].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_a_former_gateway_is_told_to_every_partition_behind_what_its_leases_paid_R29()
    {
        await _meter.TakeAsync(Paid(1, ("1-a", 30)), Event(1, Source, Epoch + 1).With(e => e.EndedGateway = "i1"));

        Assert.Equal([(1, "1-a", 30, null), (0, null, 0, "i1"), (1, null, 0, "i1"), (2, null, 0, "i1"), (3, null, 0, "i1")], _meter.Committed.OfLeases);
    }

    [Fact]
    public async Task While_something_of_the_source_is_missing_its_former_gateways_end_is_not_told_R29()
    {
        await _meter.TakeAsync(Paid(1, ("1-a", 30)), Paid(3, ("1-a", 30)), Event(1, Source, Epoch + 1).With(e => e.EndedGateway = "i1"));

        Assert.DoesNotContain(_meter.Committed.OfLeases, static one => one.Ended is not null);
    }
}
