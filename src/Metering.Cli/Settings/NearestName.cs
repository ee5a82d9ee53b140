namespace Metering.Cli.Settings;

/// <summary>Finds the name somebody probably meant.</summary>
public static class NearestName
{
    /// <summary>The candidate with the fewest edits (case ignored), or null when none is near: more than a third of
    /// the name's length, at least 2, would have to change.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        string? nearest = null;
        var best = Math.Max(2, name.Length / 3) + 1;
        foreach (var candidate in candidates)
        {
            var edits = Edits(name, candidate);
            if (edits >= best)
                continue;
            best = edits;
            nearest = candidate;
        }
        return nearest;
    }

    /// <summary>Levenshtein's distance, case ignored; a name longer than 100 characters is infinitely far from any other.</summary>
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
                var substituted = diagonal + (char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
