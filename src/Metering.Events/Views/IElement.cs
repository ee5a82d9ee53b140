namespace Metering.Events;

/// <summary>How one item of an array, or one value of a map, is read.</summary>
public interface IElement<T>
    where T : allows ref struct
{
    /// <summary>Reads and validates an item; the next position, or minus the error.</summary>
    static abstract int Read(AvroReader reader, int position, out T value, scoped ref string? failedField);
}

/// <summary>A string, as its UTF-8 bytes.</summary>
public readonly struct StringElement : IElement<ReadOnlySpan<byte>>
{
    public static int Read(AvroReader reader, int position, out ReadOnlySpan<byte> value, scoped ref string? failedField) =>
        reader.ReadString(position, out value);
}

/// <summary>Bytes.</summary>
public readonly struct BytesElement : IElement<ReadOnlySpan<byte>>
{
    public static int Read(AvroReader reader, int position, out ReadOnlySpan<byte> value, scoped ref string? failedField) =>
        reader.ReadBytes(position, out value);
}

/// <summary>A long.</summary>
public readonly struct LongElement : IElement<long>
{
    public static int Read(AvroReader reader, int position, out long value, scoped ref string? failedField) =>
        reader.ReadLong(position, out value);
}

/// <summary>An int.</summary>
public readonly struct IntElement : IElement<int>
{
    public static int Read(AvroReader reader, int position, out int value, scoped ref string? failedField) =>
        reader.ReadInt(position, out value);
}

/// <summary>A boolean.</summary>
public readonly struct BooleanElement : IElement<bool>
{
    public static int Read(AvroReader reader, int position, out bool value, scoped ref string? failedField) =>
        reader.ReadBoolean(position, out value);
}

/// <summary>A float.</summary>
public readonly struct FloatElement : IElement<float>
{
    public static int Read(AvroReader reader, int position, out float value, scoped ref string? failedField) =>
        reader.ReadFloat(position, out value);
}

/// <summary>A double.</summary>
public readonly struct DoubleElement : IElement<double>
{
    public static int Read(AvroReader reader, int position, out double value, scoped ref string? failedField) =>
        reader.ReadDouble(position, out value);
}
