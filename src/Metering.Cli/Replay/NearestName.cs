namespace Metering.Cli.Replay;

/// <summary>What the user probably meant: the known name with the fewest single-letter edits, for error messages.</summary>
internal static class NearestName
{
    /// <summary>The nearest of <paramref name="known"/>, or null when none is within a third of the name's length (at least 2 edits).</summary>
    public static string? Find(string name, IEnumerable<string> known)
    {
        var limit = Math.Max(2, name.Length / 3);
        string? nearest = null;
        foreach (var candidate in known)
        {
            var edits = Edits(name, candidate);
            if (edits > limit)
                continue;
            limit = edits - 1;
            nearest = candidate;
        }
        return nearest;
    }

    /// <summary>Levenshtein's distance; names longer than 100 characters count as infinitely far.</summary>
    public static int Edits(string a, string b)
    {
        if (a.Length > 100 || b.Length > 100)
            return int.MaxValue;
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replace, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
