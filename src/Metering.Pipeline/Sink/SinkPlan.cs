using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Sink;

/// <summary>
/// The range of blocks that SINK is about to insert. It is written to the group's offset metadata before the insert, so
/// that whoever comes after a crash rebuilds exactly the same range (R17).
/// </summary>
/// <param name="From">The group's offset while the plan is open.</param>
/// <param name="To">The last block's offset + 1.</param>
/// <param name="Rows">Over all tables.</param>
/// <param name="BlocksHash">SHA-256 over the blocks' ids, hex: names the data, not only the range (R18).</param>
internal sealed record SinkPlan(long From, long To, long Rows, string BlocksHash)
{
    private const string Version = "plan1";

    public static SinkPlan Of(long from, IReadOnlyList<MeteredBlock> blocks) =>
        new(from, blocks[^1].Offset + 1, blocks.Sum(block => (long)block.Rows), HashOf(blocks));

    /// <summary>As offset metadata: under 200 of the 4,096 bytes that Kafka takes.</summary>
    public string ToMetadata() => string.Create(CultureInfo.InvariantCulture, $"{Version} {From} {To} {Rows} {BlocksHash}");

    /// <summary>The plan in a group's offset metadata; null when none is open.</summary>
    /// <exception cref="InvalidDataException">Something else stands there.</exception>
    public static SinkPlan? FromMetadata(string metadata)
    {
        if (metadata.Length == 0)
            return null;
        var parts = metadata.Split(' ');
        if (parts.Length == 5 && parts[0] == Version && TryNumber(parts[1], out var from) && TryNumber(parts[2], out var to) && TryNumber(parts[3], out var rows) && from < to)
            return new SinkPlan(from, to, rows, parts[4]);
        throw new InvalidDataException($"the sink's offset metadata is '{metadata}', not a plan of ours: another program commits in its group");
    }

    /// <summary>The token of one table's insert: a retry of the same data bears the same, other data another (R18).</summary>
    public string Token(LedgerOrigin origin, int partition, string table) =>
        Hex(string.Create(CultureInfo.InvariantCulture, $"{origin.ClusterId}|{origin.TopicId}|{partition}|{From}|{To}|{BlocksHash}|{table}"));

    /// <summary>The token of a block's n-th repair, when it was found missing after the insert of <paramref name="token"/> (R19).</summary>
    public static string RepairToken(string token, MeteredBlock block, int round) =>
        Hex(string.Create(CultureInfo.InvariantCulture, $"{token}|repair|{block.Id}|{round}"));

    /// <summary>A token that no other insert bears.</summary>
    public static string TokenOfOneTry() => Guid.NewGuid().ToString("N");

    public static string HashOf(IReadOnlyList<MeteredBlock> blocks) => Hex(string.Join(',', blocks.Select(block => block.Id)));

    private static string Hex(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
