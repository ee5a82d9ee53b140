using Metering.Simulation.World;

namespace Metering.Simulation.Leases;

public sealed class LeaseTests
{
    private const int Seeds = 2_000;

    [Fact]
    public void R23_R24_R25_R26_R27_R29_R30_No_history_passes_a_limit_strands_tokens_or_starves_anybody()
    {
        var first = Random.Shared.Next(1_000_000_000);
        TestContext.Current.TestOutputHelper?.WriteLine($"seeds from {first}");
        Assert.InRange(Histories.Run(first, Seeds, static seed => LeaseHistory.Run(seed).Served, TestContext.Current.CancellationToken), 20L * Seeds, long.MaxValue);
    }

    [Fact]
    public void A_seed_gives_the_same_history_of_leases_again()
    {
        var (once, again, other) = (LeaseHistory.Run(7), LeaseHistory.Run(7), LeaseHistory.Run(8));
        Assert.Equal((once.Fingerprint, once.Steps, once.Served), (again.Fingerprint, again.Steps, again.Served));
        Assert.NotEqual(once.Fingerprint, other.Fingerprint);
    }
}
