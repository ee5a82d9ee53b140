using Avro;

namespace Metering.Events;

/// <summary>A value without parts that keeps its bytes; checked on the way.</summary>
internal sealed class CopyStep(Schema.Type type, bool isIdentity = true) : Step
{
    public override bool IsIdentity => isIdentity;

    public override int Run(ref Transcoder transcoder, int position) => transcoder.Copy(position, type switch
    {
        Schema.Type.Null => position,
        Schema.Type.Boolean => transcoder.Reader.ReadBoolean(position, out _),
        Schema.Type.Int => transcoder.Reader.ReadInt(position, out _),
        Schema.Type.Long => transcoder.Reader.ReadLong(position, out _),
        Schema.Type.Float => transcoder.Reader.ReadFloat(position, out _),
        Schema.Type.Double => transcoder.Reader.ReadDouble(position, out _),
        Schema.Type.Bytes => transcoder.Reader.ReadBytes(position, out _),
        Schema.Type.String => transcoder.Reader.ReadString(position, out _),
        _ => throw new InvalidOperationException($"{type} is not a plain value"),
    });
}

/// <summary>A number that becomes a float or double.</summary>
internal sealed class ToRealStep(Schema.Type from, Schema.Type to) : Step
{
    public override bool IsIdentity => false;

    public override int Run(ref Transcoder transcoder, int position)
    {
        if (from == Schema.Type.Float)
        {
            position = transcoder.Reader.ReadFloat(position, out var real);
            return position < 0 ? position : transcoder.WriteDouble(real, position);
        }
        long value;
        if (from == Schema.Type.Int)
        {
            position = transcoder.Reader.ReadInt(position, out var narrow);
            value = narrow;
        }
        else
        {
            position = transcoder.Reader.ReadLong(position, out value);
        }
        if (position < 0)
            return position;
        return to == Schema.Type.Float ? transcoder.WriteFloat(value, position) : transcoder.WriteDouble(value, position);
    }
}

/// <summary>Bytes of a fixed number.</summary>
internal sealed class FixedStep(int bytes) : Step
{
    public override bool IsIdentity => true;

    public override int Run(ref Transcoder transcoder, int position) =>
        bytes > transcoder.Reader.Length - position
            ? AvroReader.Fail(DecodeError.Truncated)
            : transcoder.Copy(position, position + bytes);
}

/// <summary>An enum whose symbols may stand in another order, be gone, or fall back to the reader's default.</summary>
/// <param name="indexes">The reader's index for each of the writer's, -1 where there is none.</param>
/// <param name="isIdentity">Whether both have the same symbols in the same order.</param>
internal sealed class EnumStep(int[] indexes, bool isIdentity) : Step
{
    public override bool IsIdentity => isIdentity;

    public override int Run(ref Transcoder transcoder, int position)
    {
        position = transcoder.Reader.ReadEnum(position, indexes.Length, out var index);
        if (position < 0)
            return position;
        return indexes[index] < 0 ? AvroReader.Fail(DecodeError.BadEnum) : transcoder.WriteLong(indexes[index], position);
    }
}
