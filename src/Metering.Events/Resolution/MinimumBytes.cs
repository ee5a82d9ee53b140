using Avro;

namespace Metering.Events;

/// <summary>What a value of a schema takes at least, so that a count can be held against the bytes that are left.</summary>
internal static class MinimumBytes
{
    public static int Of(Schema schema) => Of(schema, new HashSet<Schema>(ReferenceEqualityComparer.Instance));

    private static int Of(Schema schema, HashSet<Schema> open) => schema switch
    {
        LogicalSchema logical => Of(logical.BaseSchema, open),
        FixedSchema bytes => bytes.Size,
        RecordSchema record => OfRecord(record, open),
        { Tag: Schema.Type.Null } => 0,
        { Tag: Schema.Type.Float } => sizeof(float),
        { Tag: Schema.Type.Double } => sizeof(double),
        _ => 1,
    };

    private static int OfRecord(RecordSchema record, HashSet<Schema> open)
    {
        // A record that holds itself has no smallest size; nothing is a safe answer.
        if (!open.Add(record))
            return 0;
        long sum = 0;
        foreach (var field in record.Fields)
            sum += Of(field.Schema, open);
        open.Remove(record);
        return (int)Math.Min(sum, int.MaxValue);
    }
}
