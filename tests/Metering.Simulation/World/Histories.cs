namespace Metering.Simulation.World;

/// <summary>Many seeds, on all cores.</summary>
internal static class Histories
{
    /// <returns>Steps over all histories.</returns>
    /// <exception cref="SimulationFailedException">The lowest seed that was seen to fail.</exception>
    public static long Run(int firstSeed, int seeds, int steps, CancellationToken cancellationToken)
    {
        long moves = 0;
        var kept = new Lock();
        SimulationFailedException? failure = null;
        Parallel.For(0L, seeds, new ParallelOptions { CancellationToken = cancellationToken }, (i, loop) =>
        {
            try
            {
                Interlocked.Add(ref moves, Simulation.Run(unchecked((int)(firstSeed + i)), steps).Steps);
            }
            catch (SimulationFailedException failed)
            {
                loop.Break(); // those below go on: the lowest is kept
                lock (kept)
                    failure = failure is null || failed.Seed < failure.Seed ? failed : failure;
            }
        });
        return failure is null ? moves : throw failure;
    }
}
