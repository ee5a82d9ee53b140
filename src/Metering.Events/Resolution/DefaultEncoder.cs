using Avro;
using Newtonsoft.Json.Linq;

namespace Metering.Events;

/// <summary>Encodes a field's default, once, when a plan is compiled.</summary>
internal static class DefaultEncoder
{
    public static byte[] Encode(Schema schema, JToken value, string place)
    {
        using var buffer = new PooledBuffer();
        var writer = new AvroWriter(buffer);
        if (!TryWrite(ref writer, schema, value))
            throw new ResolutionException($"{place}: the default {value.ToString(Newtonsoft.Json.Formatting.None)} does not fit {schema.Tag}");
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static bool TryWrite(ref AvroWriter writer, Schema schema, JToken value)
    {
        switch (schema)
        {
            case LogicalSchema logical:
                return TryWrite(ref writer, logical.BaseSchema, value);
            case UnionSchema union:
                return TryWriteUnion(ref writer, union, value);
            case RecordSchema record:
                return value is JObject && TryWriteRecord(ref writer, record, (JObject)value);
            case EnumSchema symbols:
                if (value.Type != JTokenType.String || !symbols.Contains((string)value!))
                    return false;
                writer.WriteInt(symbols.Ordinal((string)value!));
                return true;
            case FixedSchema bytes:
                return TryGetBytes(value, out var content) && content.Length == bytes.Size && WriteRaw(ref writer, content);
            case ArraySchema array:
                return value is JArray items && TryWriteItems(ref writer, array.ItemSchema, items);
            case MapSchema map:
                return value is JObject entries && TryWriteEntries(ref writer, map.ValueSchema, entries);
            default:
                return TryWritePlain(ref writer, schema.Tag, value);
        }
    }

    private static bool TryWritePlain(ref AvroWriter writer, Schema.Type type, JToken value)
    {
        var isNumber = value.Type is JTokenType.Integer or JTokenType.Float;
        switch (type)
        {
            case Schema.Type.Null:
                return value.Type == JTokenType.Null;
            case Schema.Type.Boolean when value.Type == JTokenType.Boolean:
                writer.WriteBoolean((bool)value);
                return true;
            case Schema.Type.Int when TryGetInteger(value, out var number) && number == (int)number:
            case Schema.Type.Long when TryGetInteger(value, out number):
                writer.WriteLong(number);
                return true;
            case Schema.Type.Float when isNumber:
                writer.WriteFloat((float)value);
                return true;
            case Schema.Type.Double when isNumber:
                writer.WriteDouble((double)value);
                return true;
            case Schema.Type.String when value.Type == JTokenType.String:
                writer.WriteString((string)value!);
                return true;
            case Schema.Type.Bytes when TryGetBytes(value, out var bytes):
                writer.WriteBytes(bytes);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The first branch that the value fits, into a writer of its own lest half a branch remain.</summary>
    private static bool TryWriteUnion(ref AvroWriter writer, UnionSchema union, JToken value)
    {
        for (var branch = 0; branch < union.Count; branch++)
        {
            using var buffer = new PooledBuffer();
            var attempt = new AvroWriter(buffer);
            if (!TryWrite(ref attempt, union[branch], value))
                continue;
            attempt.Flush();
            writer.WriteInt(branch);
            return WriteRaw(ref writer, buffer.WrittenSpan);
        }
        return false;
    }

    private static bool TryWriteRecord(ref AvroWriter writer, RecordSchema record, JObject value)
    {
        foreach (var field in record.Fields)
        {
            if ((value[field.Name] ?? field.DefaultValue) is not { } part || !TryWrite(ref writer, field.Schema, part))
                return false;
        }
        return true;
    }

    private static bool TryWriteItems(ref AvroWriter writer, Schema schema, JArray items)
    {
        if (items.Count > 0)
            writer.WriteLong(items.Count);
        foreach (var item in items)
        {
            if (!TryWrite(ref writer, schema, item))
                return false;
        }
        writer.WriteLong(0);
        return true;
    }

    private static bool TryWriteEntries(ref AvroWriter writer, Schema schema, JObject entries)
    {
        if (entries.Count > 0)
            writer.WriteLong(entries.Count);
        foreach (var entry in entries)
        {
            writer.WriteString(entry.Key);
            if (entry.Value is null || !TryWrite(ref writer, schema, entry.Value))
                return false;
        }
        writer.WriteLong(0);
        return true;
    }

    private static bool WriteRaw(ref AvroWriter writer, ReadOnlySpan<byte> bytes)
    {
        writer.WriteRaw(bytes);
        return true;
    }

    private static bool TryGetInteger(JToken value, out long number)
    {
        number = value.Type == JTokenType.Integer && value is JValue { Value: long integer } ? integer : 0;
        return value is JValue { Value: long };
    }

    /// <summary>Avro writes bytes in JSON as a string of the code points 0 to 255.</summary>
    private static bool TryGetBytes(JToken value, out byte[] bytes)
    {
        bytes = [];
        if (value.Type != JTokenType.String || ((string)value!).Any(c => c > 255))
            return false;
        bytes = ((string)value!).Select(c => (byte)c).ToArray();
        return true;
    }
}
