using Metering.Simulation.World;

namespace Metering.Simulation;

public sealed class SimulationTests
{
    [Fact]
    public void R1_R6_R8_R9_R11_R13_R15_R17_R19_R20_Histories_of_any_seed_lose_and_double_nothing()
    {
        var first = Random.Shared.Next(1_000_000_000);
        TestContext.Current.TestOutputHelper?.WriteLine($"seeds from {first}");
        Assert.InRange(Histories.Run(first, 2_000, 400, TestContext.Current.CancellationToken), 2_000 * 400, long.MaxValue);
    }

    [Fact]
    public void A_seed_gives_the_same_history_again()
    {
        var (once, again, other) = (World.Simulation.Run(7, 500), World.Simulation.Run(7, 500), World.Simulation.Run(8, 500));
        Assert.Equal((once.Fingerprint, once.Steps), (again.Fingerprint, again.Steps));
        Assert.NotEqual(once.Fingerprint, other.Fingerprint);
    }
}
