using Xunit.Sdk;
using Xunit.v3;

namespace Metering.Testing;

/// <summary>Begins with the classes that kill, freeze and restart processes, and with a long one: they take longest, and would run on alone when all
/// others are done.
/// <code>[assembly: TestCollectionOrderer(typeof(KillsFirst))]</code></summary>
public sealed class KillsFirst : ITestCollectionOrderer
{
    private static readonly string[] Words = ["Restart", "Frozen", "Kill", "Chaos", "LocalBrokerTests", "ReplayTests"];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => !Words.Any(word => collection.TestCollectionDisplayName.Contains(word, StringComparison.Ordinal)))];
}
