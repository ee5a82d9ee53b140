using Avro.Generic;
using Avro.IO;
using Avro.Specific;

namespace Metering.Events.Tests.Interop;

/// <summary>What we write Apache.Avro reads, and the other way round, byte for byte.</summary>
public sealed class ApacheAvroTests
{
    [Fact]
    public void TokenEvent_written_by_us_is_read_by_GenericDatumReader()
    {
        var record = ReadGeneric(TokenEvent.AvroSchema, Samples.Encode(Samples.TokenEvent()));

        Assert.Equal("gateway-7", record["source"]);
        Assert.Equal(0x4123_4567_89AB_CDEF, record["epoch"]);
        Assert.Equal(DateTime.UnixEpoch.AddTicks(17_950_000_001_234_560), record["event_time"]);
        Assert.Equal(DateTime.UnixEpoch.AddTicks(17_950_000_000_000_010), record["admitted_at"]);
        Assert.Equal("jürgen", record["user"]);
        Assert.Equal("embedding", ((GenericEnum)record["operation"]).Value);
        Assert.Equal("cut", ((GenericEnum)record["status"]).Value);
        Assert.Equal(long.MinValue, record["prompt_hash"]);
        Assert.Equal("4711", ((IDictionary<string, object>)record["tags"])["cost_centre"]);
    }

    [Theory]
    [MemberData(nameof(AllSamples))]
    public void Record_written_by_GenericDatumWriter_has_our_bytes(string name)
    {
        var (record, schema) = Find(name);
        var bytes = Samples.Encode(record);
        using var stream = new MemoryStream();

        new GenericDatumWriter<GenericRecord>(schema).Write(ReadGeneric(schema, bytes), new BinaryEncoder(stream));

        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(stream.ToArray()));
    }

    [Theory]
    [MemberData(nameof(AllSamples))]
    public void Generated_class_survives_Apaches_specific_reader_and_writer(string name)
    {
        var (record, schema) = Find(name);
        var bytes = Samples.Encode(record);
        var ofType = (Avro.Schema)record.GetType().GetField("_SCHEMA")!.GetValue(null)!;

        var read = new SpecificDatumReader<ISpecificRecord>(schema, ofType).Read(null!, new BinaryDecoder(new MemoryStream(bytes)));
        using var fromDatumWriter = new MemoryStream();
        new SpecificDatumWriter<ISpecificRecord>(ofType).Write(read, new BinaryEncoder(fromDatumWriter));
        using var fromWriter = new MemoryStream();
        new SpecificWriter<ISpecificRecord>(schema).Write(read, new BinaryEncoder(fromWriter));

        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(Samples.Encode((IAvroRecord)read)));
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(fromDatumWriter.ToArray()));
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(fromWriter.ToArray()));
    }

    public static TheoryData<string> AllSamples => ["TokenEvent", "SourceReport", "Price", "DeadLetter"];

    private static (IAvroRecord Record, Avro.Schema Schema) Find(string name) => name switch
    {
        "TokenEvent" => (Samples.TokenEvent(), TokenEvent.AvroSchema),
        "SourceReport" => (Samples.SourceReport(), SourceReport.AvroSchema),
        "Price" => (Samples.Price(), Price.AvroSchema),
        _ => (Samples.DeadLetter(), DeadLetter.AvroSchema),
    };

    private static GenericRecord ReadGeneric(Avro.Schema schema, byte[] bytes) =>
        new GenericDatumReader<GenericRecord>(schema, schema).Read(null!, new BinaryDecoder(new MemoryStream(bytes)));
}
