using Metering.Testing;

[assembly: AssemblyFixture(typeof(KafkaFixture))]

// Processes start and wait for each other more than they compute.
[assembly: Xunit.v3.Parallelization(MaxThreads = 2)]
[assembly: TestCollectionOrderer(typeof(KillsFirst))]
