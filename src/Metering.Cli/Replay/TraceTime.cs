using System.Globalization;

namespace Metering.Cli.Replay;

/// <summary>Times as traces write them, to Unix microseconds.</summary>
internal static class TraceTime
{
    private const long MicrosPerSecond = 1_000_000;

    /// <summary>
    /// <c>2023-11-16 18:15:46.6805900</c>: UTC unless an offset follows, a space or a T between day and time, no fraction
    /// or any number of its digits; what is finer than a microsecond is cut off.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long unixMicros)
    {
        unixMicros = 0;
        if (text.Length is < 19 or > 64)
            return false;
        if (!Number(text[..4], out var year) || text[4] != '-' || !Number(text[5..7], out var month) || text[7] != '-' || !Number(text[8..10], out var day)
            || text[10] is not ((byte)' ' or (byte)'T')
            || !Number(text[11..13], out var hour) || text[13] != ':' || !Number(text[14..16], out var minute) || text[16] != ':' || !Number(text[17..19], out var second))
        {
            return false;
        }
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
            return false;
        if (!TryFraction(text[19..], out var fractionMicros, out var rest) || !TryOffset(rest, out var offsetMinutes))
            return false;
        var whole = new DateTimeOffset(year, month, day, hour, minute, second, TimeSpan.Zero).ToUnixTimeSeconds();
        unixMicros = ((whole - (offsetMinutes * 60L)) * MicrosPerSecond) + fractionMicros;
        return true;
    }

    private static bool TryFraction(ReadOnlySpan<byte> text, out long micros, out ReadOnlySpan<byte> rest)
    {
        micros = 0;
        rest = text;
        if (text is not [(byte)'.', ..])
            return true;
        var digits = text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        digits = digits < 0 ? text.Length - 1 : digits;
        for (var i = 0; i < 6; i++)
            micros = (micros * 10) + (i < digits ? text[1 + i] - '0' : 0);
        rest = text[(1 + digits)..];
        return digits > 0;
    }

    private static bool TryOffset(ReadOnlySpan<byte> text, out int minutes)
    {
        minutes = 0;
        if (text.IsEmpty || text is [(byte)'Z'])
            return true;
        if (text is not [(byte)'+' or (byte)'-', _, _, (byte)':', _, _] || !Number(text[1..3], out var hours) || !Number(text[4..6], out var rest) || hours > 14 || rest > 59)
            return false;
        minutes = ((hours * 60) + rest) * (text[0] == '-' ? -1 : 1);
        return true;
    }

    private static bool Number(ReadOnlySpan<byte> digits, out int value) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
