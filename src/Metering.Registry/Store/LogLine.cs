using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Metering.Registry.Store;

/// <summary>A line of the log: eight hex digits of CRC-32C over the JSON, a space, the JSON, a line feed.</summary>
internal static class LogLine
{
    private const int HeaderBytes = 9;

    public static byte[] Encode(LogEntry entry)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(entry, LogJson.Default.LogEntry);
        var line = new byte[HeaderBytes + json.Length + 1];
        Encoding.ASCII.GetBytes(Crc32C(json).ToString("x8", CultureInfo.InvariantCulture), line);
        line[HeaderBytes - 1] = (byte)' ';
        json.CopyTo(line, HeaderBytes);
        line[^1] = (byte)'\n';
        return line;
    }

    /// <param name="line">Without its line feed.</param>
    /// <returns>Null when it is not what was written.</returns>
    public static LogEntry? TryDecode(ReadOnlySpan<byte> line)
    {
        if (line.Length <= HeaderBytes || line[HeaderBytes - 1] != ' ')
            return null;
        var json = line[HeaderBytes..];
        if (!uint.TryParse(line[..(HeaderBytes - 1)], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var crc) || crc != Crc32C(json))
            return null;
        try
        {
            return JsonSerializer.Deserialize(json, LogJson.Default.LogEntry);
        }
        catch (JsonException)
        {
            return null; // The checksum is right: a later program wrote it. The log refuses to start on it.
        }
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = System.Numerics.BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var single in bytes)
            crc = System.Numerics.BitOperations.Crc32C(crc, single);
        return ~crc;
    }
}
