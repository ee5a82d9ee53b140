namespace Metering.Gateway.Streams;

/// <summary>Splits a stream of server-sent events.</summary>
internal static class SseScanner
{
    /// <summary>Behind the empty line that ends the first event; -1 when it has not ended yet.</summary>
    public static int FindEnd(ReadOnlySpan<byte> bytes)
    {
        var from = 0;
        while (true)
        {
            var found = bytes[from..].IndexOf((byte)'\n');
            if (found < 0)
                return -1;
            from += found + 1;
            if (from < bytes.Length && bytes[from] == (byte)'\n')
                return from + 1;
            if (from + 1 < bytes.Length && bytes[from] == (byte)'\r' && bytes[from + 1] == (byte)'\n')
                return from + 2;
        }
    }

    /// <summary>What an event carries; empty when it is a comment or something else. Model hosts write one line of data an event.</summary>
    public static ReadOnlySpan<byte> Data(ReadOnlySpan<byte> sse)
    {
        while (!sse.IsEmpty)
        {
            var end = sse.IndexOf((byte)'\n');
            var line = end < 0 ? sse : sse[..end];
            if (line.StartsWith("data:"u8))
                return line[5..].Trim(" \r"u8);
            if (end < 0)
                break;
            sse = sse[(end + 1)..];
        }
        return default;
    }
}
