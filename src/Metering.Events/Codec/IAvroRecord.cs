namespace Metering.Events;

/// <summary>A record with a generated codec.</summary>
public interface IAvroRecord
{
    /// <summary>Appends the record's Avro body. The caller flushes the writer.</summary>
    void WriteTo(ref AvroWriter writer);
}

/// <summary>A record with a generated codec, for code that serves all of them.</summary>
public interface IAvroRecord<TSelf> : IAvroRecord
    where TSelf : IAvroRecord<TSelf>, new()
{
    /// <summary>The schema as it is registered.</summary>
    static abstract string Schema { get; }

    /// <summary>
    /// Decodes a body into a record that is used again. After an error the record holds a mixture and must not be used.
    /// </summary>
    /// <param name="body">The Avro body, without the wire header, written with this very schema.</param>
    /// <param name="pool">Where strings that were seen before come from.</param>
    /// <param name="into">The record to fill.</param>
    /// <param name="failedField">The field at which it failed, else null.</param>
    static abstract DecodeError TryRead(ReadOnlySpan<byte> body, StringPool pool, TSelf into, out string? failedField);
}
