using Metering.Testing;

[assembly: AssemblyFixture(typeof(OwnKafkaFixture))]

// They wait for brokers, sessions and timeouts more than they compute.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
