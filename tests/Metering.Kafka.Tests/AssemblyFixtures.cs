using Metering.Testing;

[assembly: AssemblyFixture(typeof(KafkaFixture))]

// They wait for brokers, sessions and timeouts more than they compute.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
[assembly: TestCollectionOrderer(typeof(KillsFirst))]
