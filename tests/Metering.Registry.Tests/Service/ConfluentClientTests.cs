using System.Buffers.Binary;
using System.Net;
using Avro.Generic;
using Confluent.Kafka;
using Confluent.SchemaRegistry;
using Confluent.SchemaRegistry.Serdes;
using ConfluentLevel = Confluent.SchemaRegistry.Compatibility;

namespace Metering.Registry.Tests.Service;

/// <summary>Confluent's own client and serdes against our registry, at its root and under a path.</summary>
public sealed class ConfluentClientTests
{
    private const string V1 = """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":"int"}]}""";
    private const string V2 = """{"type":"record","name":"T","namespace":"n","fields":[{"name":"a","type":"int"},{"name":"b","type":"string","default":"none"}]}""";
    private const string Bad = """{"type":"record","name":"T","namespace":"n","fields":[{"name":"c","type":"string"}]}""";

    [Theory]
    [InlineData("")]
    [InlineData("/apis/ccompat/v7")]
    public async Task Client_registers_gets_looks_up_checks_and_configures(string path)
    {
        await using var registry = await RunningRegistry.StartAsync(path);
        using var client = Client(registry);

        var id = await client.RegisterSchemaAsync("s", new Schema(V1, SchemaType.Avro));
        var second = await client.RegisterSchemaAsync("s", new Schema(V2, SchemaType.Avro), normalize: true);
        var found = await client.LookupSchemaAsync("s", new Schema(V1, SchemaType.Avro), ignoreDeletedSchemas: true);
        var latest = await client.GetLatestSchemaAsync("s");
        var compatible = await client.IsCompatibleAsync("s", new Schema(Bad, SchemaType.Avro));
        var set = await client.UpdateCompatibilityAsync(ConfluentLevel.Full, "s");

        Assert.EndsWith(path, registry.Url.ToString().TrimEnd('/'), StringComparison.Ordinal);
        Assert.Equal((1, 2), (id, second));
        Assert.Equal((1, 1), (found.Id, found.Version));
        Assert.Equal((2, 2, V2), (latest.Id, latest.Version, latest.SchemaString));
        Assert.Equal(V1, (await client.GetSchemaAsync(1)).SchemaString);
        Assert.Equal(V1, (await client.GetRegisteredSchemaAsync("s", 1)).SchemaString);
        Assert.Equal(1, await client.GetSchemaIdAsync("s", new Schema(V1, SchemaType.Avro)));
        Assert.Equal([1, 2], await client.GetSubjectVersionsAsync("s"));
        Assert.Equal(["s"], await client.GetAllSubjectsAsync());
        Assert.False(compatible);
        Assert.Equal(ConfluentLevel.Full, set);
        Assert.Equal(ConfluentLevel.Full, await client.GetCompatibilityAsync("s"));
    }

    [Fact]
    public async Task Client_is_told_codes_that_it_knows()
    {
        await using var registry = await RunningRegistry.StartAsync();
        using var client = Client(registry);
        await client.RegisterSchemaAsync("s", new Schema(V1, SchemaType.Avro));

        var unknownId = await Assert.ThrowsAsync<SchemaRegistryException>(() => client.GetSchemaAsync(77));
        var unknownSubject = await Assert.ThrowsAsync<SchemaRegistryException>(() => client.GetLatestSchemaAsync("none"));
        var incompatible = await Assert.ThrowsAsync<SchemaRegistryException>(() => client.RegisterSchemaAsync("s", new Schema(Bad, SchemaType.Avro)));
        var json = await Assert.ThrowsAsync<SchemaRegistryException>(() => client.RegisterSchemaAsync("j", new Schema("{}", SchemaType.Json)));

        Assert.Equal((HttpStatusCode.NotFound, 40403), (unknownId.Status, unknownId.ErrorCode));
        Assert.Equal((HttpStatusCode.NotFound, 40401), (unknownSubject.Status, unknownSubject.ErrorCode));
        Assert.Equal((HttpStatusCode.Conflict, 409), (incompatible.Status, incompatible.ErrorCode));
        Assert.Equal(42201, json.ErrorCode);
        Assert.Contains("AVRO only", json.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serdes_write_with_one_version_and_read_with_the_next()
    {
        await using var registry = await RunningRegistry.StartAsync();
        using var client = Client(registry);
        var schema = (global::Avro.RecordSchema)global::Avro.Schema.Parse(V1);
        var record = new GenericRecord(schema);
        record.Add("a", 7);
        var context = new SerializationContext(MessageComponentType.Value, "topic");

        var bytes = await new AvroSerializer<GenericRecord>(client).SerializeAsync(record, context);
        await client.RegisterSchemaAsync("topic-value", new Schema(V2, SchemaType.Avro));
        using var reader = Client(registry);
        var read = await new AvroDeserializer<GenericRecord>(reader, new AvroDeserializerConfig { UseLatestVersion = true }).DeserializeAsync(bytes, isNull: false, context);

        Assert.Equal([0, 0, 0, 0, 1, 14], bytes);
        Assert.Equal(1, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)));
        Assert.Equal(7, read["a"]);
        Assert.Equal("none", read["b"]);
    }

    [Fact]
    public async Task Client_many_at_once_get_one_id()
    {
        await using var registry = await RunningRegistry.StartAsync();

        var ids = await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            using var client = Client(registry);
            return await client.RegisterSchemaAsync("s", new Schema(V1, SchemaType.Avro));
        }));

        Assert.All(ids, id => Assert.Equal(1, id));
    }

    private static CachedSchemaRegistryClient Client(RunningRegistry registry) =>
        new(new SchemaRegistryConfig { Url = registry.Url.ToString(), MaxRetries = 1 });
}
