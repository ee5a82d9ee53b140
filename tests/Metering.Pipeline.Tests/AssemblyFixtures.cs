using Metering.Testing;

[assembly: AssemblyFixture(typeof(KafkaFixture))]
