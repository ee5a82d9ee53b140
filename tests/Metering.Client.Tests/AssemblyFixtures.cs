using Metering.Testing;

[assembly: AssemblyFixture(typeof(OwnKafkaFixture))]
