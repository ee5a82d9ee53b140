using System.Globalization;
using Metering.Registry.Model;

namespace Metering.Registry.Compatibility;

/// <summary>
/// Decides whether a schema may follow others. The rules are those of Avro's schema resolution, with the verdicts of
/// org.apache.avro.SchemaCompatibility: promotions, defaults, aliases, unions, enum defaults, fixed sizes; logical types
/// do not count. Pure and safe to call from any thread.
/// </summary>
public static class CompatibilityChecker
{
    /// <summary>Checks a candidate against the versions before it, as many of them as the level asks for.</summary>
    /// <param name="level">What the candidate must be able to do.</param>
    /// <param name="candidateJson">The new schema's text.</param>
    /// <param name="earlierNewestLast">The texts of the versions before it; they are called version 1, 2, … in messages.</param>
    /// <exception cref="SchemaException">A text is not a valid schema.</exception>
    public static CompatibilityResult Check(CompatibilityLevel level, string candidateJson, IReadOnlyList<string> earlierNewestLast)
    {
        ArgumentNullException.ThrowIfNull(candidateJson);
        ArgumentNullException.ThrowIfNull(earlierNewestLast);
        return Check(level, SchemaParser.Parse(candidateJson), [.. earlierNewestLast.Select((text, i) => (i + 1, text))]);
    }

    internal static CompatibilityResult Check(CompatibilityLevel level, AvroSchema candidate, IReadOnlyList<(int Version, string Text)> earlierNewestLast)
    {
        var messages = new List<string>();
        var count = level == CompatibilityLevel.None ? 0 : level.IsTransitive() ? earlierNewestLast.Count : Math.Min(1, earlierNewestLast.Count);
        for (var i = earlierNewestLast.Count - 1; i >= earlierNewestLast.Count - count; i--)
        {
            var (version, text) = earlierNewestLast[i];
            var earlier = SchemaParser.Parse(text);
            var name = string.Create(CultureInfo.InvariantCulture, $"version {version}");
            if (level.NewReadsOld())
                messages.AddRange(ReaderWriterCheck.Run(candidate, earlier, new Sides("the new schema", name, ReaderIsNew: true)));
            if (level.OldReadsNew())
                messages.AddRange(ReaderWriterCheck.Run(earlier, candidate, new Sides(name, "the new schema", ReaderIsNew: false)));
        }
        return new CompatibilityResult(messages.Count == 0, messages);
    }
}

/// <summary>How messages call the two schemas, and which of the two its author can still change.</summary>
internal readonly record struct Sides(string Reader, string Writer, bool ReaderIsNew);
