using Metering.Cli.Chaos;

namespace Metering.Cli.Tests.Chaos;

public sealed class ChaosDeltasTests
{
    private static readonly ChaosUsage One = new(1, 10, 5, 700), Two = new(2, 20, 10, 1400);

    private static readonly Dictionary<string, ChaosUsage> Ledger = new() { ["*"] = One + Two, ["tenant=a%2Fb"] = One, ["tenant=c"] = Two };

    [Fact]
    public void Deltas_that_add_up_to_the_ledger_have_no_differences() =>
        Assert.Empty(ChaosDeltas.Differences(new Dictionary<string, ChaosUsage>(Ledger), Ledger));

    [Theory]
    [InlineData("*", "usage-deltas of * add up to 1 requests, 10 + 5 tokens, 700 pico-USD, the ledger to 3 requests, 30 + 15 tokens, 2100 pico-USD")]
    [InlineData("tenant=c", "usage-deltas of tenant=c add up to 1 requests, 10 + 5 tokens, 700 pico-USD, the ledger to 2 requests, 20 + 10 tokens, 1400 pico-USD")]
    [InlineData("model=m", "usage-deltas of model=m add up to 1 requests, 10 + 5 tokens, 700 pico-USD, the ledger to 0 requests, 0 + 0 tokens, 0 pico-USD")]
    public void A_scope_that_differs_is_named_with_both_sums(string scope, string difference) =>
        Assert.Equal([difference], ChaosDeltas.Differences(new Dictionary<string, ChaosUsage>(Ledger) { [scope] = One }, Ledger));

    [Fact]
    public void A_scope_without_deltas_is_a_difference() =>
        Assert.Single(ChaosDeltas.Differences(new Dictionary<string, ChaosUsage> { ["*"] = One }, new Dictionary<string, ChaosUsage> { ["*"] = One, ["tenant=a"] = One }));
}
