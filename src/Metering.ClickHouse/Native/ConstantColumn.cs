namespace Metering.ClickHouse.Native;

/// <summary>A column that has one value in every row of a block.</summary>
public readonly record struct ConstantColumn
{
    private ConstantColumn(string name, string type, ulong value, int width)
    {
        Name = name;
        Type = type;
        Value = value;
        Width = width;
    }

    public string Name { get; }

    public string Type { get; }

    public ulong Value { get; }

    /// <summary>Bytes of a value.</summary>
    internal int Width { get; }

    public static ConstantColumn UInt16(string name, ushort value) => new(name, "UInt16", value, sizeof(ushort));

    public static ConstantColumn UInt32(string name, uint value) => new(name, "UInt32", value, sizeof(uint));

    public static ConstantColumn UInt64(string name, ulong value) => new(name, "UInt64", value, sizeof(ulong));
}
