using Avro.Generic;
using Avro.IO;

namespace Metering.Events.Tests.Resolution;

/// <summary>Short ways to plans and bodies.</summary>
internal static class Resolve
{
    public static ResolutionPlan Plan(string writer, string reader)
    {
        Assert.True(ResolutionPlan.TryCompile(writer, reader, out var plan, out var error), error);
        return plan;
    }

    public static string Refusal(string writer, string reader)
    {
        Assert.False(ResolutionPlan.TryCompile(writer, reader, out _, out var error));
        return error;
    }

    public static (DecodeError Error, byte[] Output) Run(ResolutionPlan plan, ReadOnlySpan<byte> body, int maxOutputBytes = 1 << 20)
    {
        using var buffer = new PooledBuffer();
        var error = plan.TryTranscode(body, buffer, maxOutputBytes);
        return (error, buffer.WrittenSpan.ToArray());
    }

    /// <summary>The reader's bytes of a body, in hex.</summary>
    public static string Hex(string writer, string reader, string body)
    {
        var (error, output) = Run(Plan(writer, reader), Convert.FromHexString(body));
        Assert.Equal(DecodeError.None, error);
        return Convert.ToHexString(output);
    }

    public static DecodeError Error(string writer, string reader, string body, int maxOutputBytes = 1 << 20)
    {
        var (error, output) = Run(Plan(writer, reader), Convert.FromHexString(body), maxOutputBytes);
        Assert.Empty(output);
        return error;
    }

    public static string Record(string fields, string more = "") =>
        $$"""{"type":"record","name":"R",{{more}}"fields":[{{fields}}]}""";

    public static string Field(string name, string type, string more = "") => $$"""{"name":"{{name}}","type":{{type}}{{more}}}""";

    public static byte[] Encode(Avro.Schema schema, object datum)
    {
        using var stream = new MemoryStream();
        new GenericDatumWriter<object>(schema).Write(datum, new BinaryEncoder(stream));
        return stream.ToArray();
    }
}
