namespace Metering.Gateway.Usage;

/// <summary>Finds members in JSON without parsing it. A quoted name followed by a colon is a member's: inside a text its quotes
/// would be escaped.</summary>
internal static class JsonScan
{
    /// <summary>Where the value of the next member of this name begins; -1 when there is none.</summary>
    /// <param name="json">One JSON value.</param>
    /// <param name="quotedName">With its quotes.</param>
    /// <param name="from">Where to begin.</param>
    public static int FindValue(ReadOnlySpan<byte> json, ReadOnlySpan<byte> quotedName, int from)
    {
        while (from < json.Length)
        {
            var found = json[from..].IndexOf(quotedName);
            if (found < 0)
                return -1;
            from += found + quotedName.Length;
            var at = SkipSpace(json, from);
            if (at >= json.Length || json[at] != (byte)':')
                continue;
            at = SkipSpace(json, at + 1);
            return at < json.Length ? at : -1;
        }
        return -1;
    }

    private static int SkipSpace(ReadOnlySpan<byte> json, int at)
    {
        while (at < json.Length && json[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            at++;
        return at;
    }
}
