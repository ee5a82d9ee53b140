using Metering.LocalBroker.Tests.Conformance.Kit;
using Metering.Testing;

[assembly: AssemblyFixture(typeof(RealFixture))]
[assembly: AssemblyFixture(typeof(LocalFixture))]
// Most of the tests that talk to a broker wait: for a session to time out, for a compaction, for a Java tool to start.
[assembly: Xunit.v3.Parallelization(MaxThreads = 6)]
[assembly: TestCollectionOrderer(typeof(KillsFirst))]
