using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Migrations;

/// <summary>
/// Which topics of which clusters a ledger is filled from (R18). Offsets are unique only within one of them, so each has
/// a number of its own in the ledger. A new cluster, or a topic that was deleted and made anew, begins its offsets again
/// under data that are there already: it is refused unless a person says that this is meant.
/// </summary>
public sealed class LedgerOrigins(ILedger ledger, TimeProvider time)
{
    /// <returns>The origin's number, 0, 1, 2, …</returns>
    /// <exception cref="InvalidOperationException">The ledger knows another cluster, or the topic by another id, and
    /// <paramref name="adopt"/> is false.</exception>
    public async Task<uint> ClaimAsync(string clusterId, string topic, string topicId, bool adopt, CancellationToken cancellationToken)
    {
        if (Find(await AllAsync(cancellationToken), clusterId, topicId) is { } known)
            return known;
        return await new LedgerLock(ledger, time).HoldAsync(async () =>
        {
            var origins = await AllAsync(cancellationToken);
            if (Find(origins, clusterId, topicId) is { } claimed)
                return claimed;
            if (!adopt)
                Refuse(origins, clusterId, topic);
            var number = (uint)origins.Count;
            await ledger.ExecuteAsync(string.Create(CultureInfo.InvariantCulture,
                $"INSERT INTO metering.ledger_origins (number, cluster_id, topic, topic_id) VALUES ({number}, {SqlText.Literal(clusterId)}, {SqlText.Literal(topic)}, {SqlText.Literal(topicId)})"), cancellationToken);
            return number;
        }, cancellationToken);
    }

    private async Task<List<Origin>> AllAsync(CancellationToken cancellationToken) =>
        [.. (await ledger.RowsAsync("SELECT number, cluster_id, topic, topic_id FROM metering.ledger_origins ORDER BY number", cancellationToken))
            .Select(row => new Origin(uint.Parse(row[0], CultureInfo.InvariantCulture), row[1], row[2], row[3]))];

    private static uint? Find(List<Origin> origins, string clusterId, string topicId) =>
        origins.Find(origin => origin.ClusterId == clusterId && origin.TopicId == topicId)?.Number;

    private static void Refuse(List<Origin> origins, string clusterId, string topic)
    {
        if (origins.Find(origin => origin.ClusterId == clusterId && origin.Topic == topic) is { } replaced)
            throw new InvalidOperationException($"the ledger was filled from topic {topic} with id {replaced.TopicId}, which has been deleted and made anew. If this is meant, start once with --adopt");
        if (origins.Count > 0 && origins.TrueForAll(origin => origin.ClusterId != clusterId))
            throw new InvalidOperationException($"the ledger was filled from Kafka cluster {origins[0].ClusterId}, this one is {clusterId}: another broker under the same ledger. If this is meant, start once with --adopt; else name another ledger by --data or --clickhouse");
    }

    private sealed record Origin(uint Number, string ClusterId, string Topic, string TopicId);
}
