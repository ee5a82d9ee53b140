using System.Diagnostics.CodeAnalysis;
using Newtonsoft.Json;

namespace Metering.Events;

/// <summary>
/// How bodies of a writer's schema become bodies of the reader's schema, found out once per pair of schemas and then run
/// per record without allocation. The generated readers so only ever meet their own schema.
/// </summary>
/// <remarks>
/// Follows Avro's rules of schema resolution: named types match by unqualified name or by the reader's aliases. Avro does
/// not convert logical types, and a millisecond read as a microsecond is a wrong bill, so a pair of fields whose logical
/// types differ is refused; a plain number is read as a logical type and the other way round. Safe for several threads.
/// </remarks>
public sealed class ResolutionPlan
{
    /// <summary>Records within records that a body may have.</summary>
    public const int MaxDepth = 64;

    /// <summary>Items of no bytes (null, empty records) that a body may have: they cost it nothing and us time.</summary>
    public const int MaxEmptyItems = 65_536;

    private readonly Step _root;

    private ResolutionPlan(Step root)
    {
        _root = root;
        IsIdentity = root.IsIdentity;
    }

    /// <summary>True if the writer's bytes are the reader's bytes already: nothing needs transcoding.</summary>
    public bool IsIdentity { get; }

    /// <summary>
    /// Compiles the plan of a pair of schemas; false with a sentence that names the place if the reader cannot read what
    /// this writer writes, or if one of them is not a schema.
    /// </summary>
    public static bool TryCompile(string writerSchemaJson, string readerSchemaJson, [NotNullWhen(true)] out ResolutionPlan? plan, [NotNullWhen(false)] out string? error)
    {
        plan = null;
        if (!TryParse(writerSchemaJson, "the writer's schema", out var writer, out error)
            || !TryParse(readerSchemaJson, "the reader's schema", out var reader, out error))
            return false;
        try
        {
            plan = new ResolutionPlan(new PlanCompiler(NamedAliases.Collect(readerSchemaJson)).Resolve(writer, reader, ""));
            return true;
        }
        catch (ResolutionException refused)
        {
            error = refused.Message;
            return false;
        }
    }

    /// <summary>Appends the reader's form of a body to <paramref name="output"/>, which is left as it was if that fails.</summary>
    /// <param name="writerBody">An Avro body, without the wire header.</param>
    /// <param name="output">Takes the reader's body.</param>
    /// <param name="maxOutputBytes">Bytes that it may have; a record may grow when it is unpacked.</param>
    public DecodeError TryTranscode(ReadOnlySpan<byte> writerBody, PooledBuffer output, int maxOutputBytes) =>
        TryTranscode(writerBody, output, maxOutputBytes, out _);

    /// <summary>As the other, and names the writer's field at which it failed.</summary>
    public DecodeError TryTranscode(ReadOnlySpan<byte> writerBody, PooledBuffer output, int maxOutputBytes, out string? failedField)
    {
        ArgumentNullException.ThrowIfNull(output);
        var before = output.WrittenBytes;
        var transcoder = new Transcoder(writerBody, output, maxOutputBytes);
        var position = _root.Run(ref transcoder, 0);
        failedField = transcoder.FailedField;
        if (position == writerBody.Length)
            return DecodeError.None;
        output.Truncate(before);
        return position < 0 ? AvroReader.ErrorOf(position) : DecodeError.TrailingBytes;
    }

    private static bool TryParse(string json, string which, [NotNullWhen(true)] out Avro.Schema? schema, [NotNullWhen(false)] out string? error)
    {
        try
        {
            // Of a type that it does not know Apache.Avro makes null.
            schema = Avro.Schema.Parse(json);
            error = schema is null ? $"{which} cannot be read: it has a type that does not exist" : null;
            return schema is not null;
        }
        catch (Exception wrong) when (wrong is Avro.AvroException or JsonException or ArgumentException or FormatException
            or InvalidCastException or InvalidOperationException or NullReferenceException or KeyNotFoundException or OverflowException)
        {
            // Apache.Avro throws all of these for texts that are not schemas, NullReferenceException among them.
            schema = null;
            error = $"{which} cannot be read: {wrong.Message}";
            return false;
        }
    }
}
