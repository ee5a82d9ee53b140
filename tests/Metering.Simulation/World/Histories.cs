namespace Metering.Simulation.World;

/// <summary>Many seeds, on all cores.</summary>
internal static class Histories
{
    /// <returns>Steps over all histories.</returns>
    /// <exception cref="SimulationFailedException">The lowest seed that was seen to fail.</exception>
    public static long Run(int firstSeed, int seeds, int steps, CancellationToken cancellationToken) =>
        Run(firstSeed, seeds, seed => Simulation.Run(seed, steps).Steps, cancellationToken);

    /// <returns>The sum of what the histories return.</returns>
    /// <exception cref="SimulationFailedException">The lowest seed that was seen to fail.</exception>
    public static long Run(int firstSeed, int seeds, Func<int, long> history, CancellationToken cancellationToken)
    {
        long sum = 0;
        var kept = new Lock();
        SimulationFailedException? failure = null;
        Parallel.For(0L, seeds, new ParallelOptions { CancellationToken = cancellationToken }, (i, loop) =>
        {
            try
            {
                Interlocked.Add(ref sum, history(unchecked((int)(firstSeed + i))));
            }
            catch (SimulationFailedException failed)
            {
                loop.Break(); // those below go on: the lowest is kept
                lock (kept)
                    failure = failure is null || failed.Seed < failure.Seed ? failed : failure;
            }
        });
        return failure is null ? sum : throw failure;
    }
}
