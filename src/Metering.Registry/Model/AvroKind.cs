namespace Metering.Registry.Model;

/// <summary>Avro's types, in the order of its specification. Compared by <see cref="AvroSchema.Kind"/> alone: logical types do not count.</summary>
internal enum AvroKind
{
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Record,
    Enum,
    Array,
    Map,
    Union,
    Fixed,
}
