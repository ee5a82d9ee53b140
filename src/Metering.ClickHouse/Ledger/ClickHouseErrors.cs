using System.Globalization;

namespace Metering.ClickHouse.Ledger;

/// <summary>Makes a <see cref="LedgerException"/> of ClickHouse's error text, for both backends.</summary>
public static class ClickHouseErrors
{
    // What may pass by itself: time-outs, no memory, no disk, too many parts or queries, a server that is starting,
    // stopping or cut off. Everything else is a fault of the statement or of the data.
    private static readonly HashSet<int> Transient =
    [
        74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
        75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
        159, // TIMEOUT_EXCEEDED
        160, // TOO_SLOW
        201, // QUOTA_EXCEEDED
        202, // TOO_MANY_SIMULTANEOUS_QUERIES
        203, // NO_FREE_CONNECTION
        209, // SOCKET_TIMEOUT
        210, // NETWORK_ERROR
        225, // NO_ZOOKEEPER
        236, // ABORTED
        241, // MEMORY_LIMIT_EXCEEDED
        242, // TABLE_IS_READ_ONLY
        243, // NOT_ENOUGH_SPACE
        252, // TOO_MANY_PARTS
        279, // ALL_CONNECTION_TRIES_FAILED
        285, // TOO_FEW_LIVE_REPLICAS
        319, // UNKNOWN_STATUS_OF_INSERT
        394, // QUERY_WAS_CANCELLED
        425, // SYSTEM_ERROR
        439, // CANNOT_SCHEDULE_TASK
        473, // DEADLOCK_AVOIDED
        499, // S3_ERROR
        745, // SERVER_OVERLOADED
        999, // KEEPER_EXCEPTION
    ];

    /// <summary>True when the same statement may succeed later.</summary>
    public static bool IsTransient(int code) => Transient.Contains(code);

    /// <summary>The number in <c>Code: N. DB::Exception: …</c>, or 0.</summary>
    public static int ParseCode(ReadOnlySpan<char> text)
    {
        const string mark = "Code: ";
        var at = text.IndexOf(mark, StringComparison.Ordinal);
        if (at < 0)
            return 0;
        var digits = text[(at + mark.Length)..];
        var length = 0;
        while (length < digits.Length && char.IsAsciiDigit(digits[length]))
            length++;
        return int.TryParse(digits[..length], NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : 0;
    }

    /// <summary>The exception for the engine's text.</summary>
    public static LedgerException FromText(string text, Exception? inner = null)
    {
        var code = ParseCode(text);
        return new LedgerException(text.Trim(), code, IsTransient(code), inner);
    }
}
