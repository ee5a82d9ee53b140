using Avro;
using Avro.Generic;
using Avro.IO;
using CsCheck;
using static Metering.Events.Tests.Resolution.Resolve;

namespace Metering.Events.Tests.Resolution;

/// <summary>Random pairs of schemas: our plan and Apache.Avro's resolving reader must see the same record, or both refuse it.</summary>
public sealed class DifferentialTests
{
    [Fact]
    public void Transcoded_body_is_what_Apaches_resolving_reader_reads()
    {
        var compared = 0;
        Gen.Int.Sample(
            seed =>
            {
                var (ours, theirs) = Both(seed);
                if (ours.Bytes is not null && theirs.Bytes is not null)
                    Interlocked.Increment(ref compared);
                return ours.Bytes is null ? theirs.Bytes is null : ours.Bytes == theirs.Bytes;
            },
            iter: 5_000,
            print: seed => $"seed {seed}: {new SchemaPairs(seed).Create()}, ours and Apache's: {Both(seed)}");
        Assert.True(compared > 1_000, $"only {compared} pairs could be read at all");
    }

    private static (Outcome Ours, Outcome Theirs) Both(int seed)
    {
        var pairs = new SchemaPairs(seed);
        var (writerJson, readerJson) = pairs.Create();
        var (writer, reader) = (Schema.Parse(writerJson), Schema.Parse(readerJson));
        var body = Encode(writer, pairs.Value(writer)!);
        return (Ours(writerJson, readerJson, body), Apache(writer, reader, body));
    }

    private static Outcome Ours(string writer, string reader, byte[] body)
    {
        if (!ResolutionPlan.TryCompile(writer, reader, out var plan, out var refusal))
            return new Outcome(null, refusal);
        var (error, output) = Run(plan, body);
        return error == DecodeError.None ? new Outcome(Convert.ToHexString(output), null) : new Outcome(null, error.ToString());
    }

    private static Outcome Apache(Schema writer, Schema reader, byte[] body)
    {
        try
        {
            var datum = new GenericDatumReader<object>(writer, reader).Read(null!, new BinaryDecoder(new MemoryStream(body)));
            return new Outcome(Convert.ToHexString(Encode(reader, datum)), null);
        }
        catch (AvroException refusal)
        {
            return new Outcome(null, refusal.Message);
        }
    }

    private sealed record Outcome(string? Bytes, string? Error);
}
