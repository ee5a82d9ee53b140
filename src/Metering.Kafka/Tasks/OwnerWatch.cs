using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>
/// Finds partitions that a group at rest has left without an owner, and makes it look again. A cooperative rebalance is two: the
/// first takes partitions from their owner, who asks for the second, which gives them on, once it has let go. A static member that
/// dies between the two and comes back in time is handed its share of the first, nobody asks for the second, and what it had let
/// go belongs to nobody until the group's members change. So each static member looks.
/// </summary>
/// <param name="settings">The member's.</param>
/// <param name="group">With the prefix.</param>
/// <param name="topic">What the group shares, with the prefix.</param>
/// <param name="elsewhere">Another topic, with the prefix: who subscribes to it alone changes the members and is given none of the first.</param>
/// <param name="logger">Told of what was found.</param>
/// <param name="time">What waiting is measured by.</param>
internal sealed partial class OwnerWatch(KafkaSettings settings, string group, string topic, string elsewhere, ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookAtLeastEvery = TimeSpan.FromMinutes(5); // where visits did not help

    private static readonly TimeSpan AmongOthers = TimeSpan.FromSeconds(1);

    // Two sessions and more: until then a member that does not answer holds the rebalance up.
    private static readonly TimeSpan VisitsAtMost = TimeSpan.FromSeconds(20);

    /// <summary>Looks until cancelled, then ends without an error.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var admin = new AdminClientBuilder(settings.Admin()).SetLogHandler(static (_, _) => { }).Build();
        var (before, pause) = (default(Finding), LookEvery);
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                var found = await LookAsync(admin);
                // Seen alike again: not a rebalance whose second half is on its way.
                if (found is not null && found == before && await IsLeftToUsAsync(admin, found, stop))
                {
                    LogOwnerless(logger, group, found.Ownerless);
                    await Task.Run(() => Visit(stop), CancellationToken.None);
                    pause = pause * 2 < LookAtLeastEvery ? pause * 2 : LookAtLeastEvery;
                }
                else if (found is null)
                {
                    pause = LookEvery;
                }
                before = found;
            }
            catch (KafkaException e)
            {
                before = null;
                LogNotTold(logger, group, e.Error.Reason);
            }
        }
    }

    // In a large group all see it at once, and each visit is a rebalance: they come one after another, and mostly the first is enough.
    private async Task<bool> IsLeftToUsAsync(IAdminClient admin, Finding found, CancellationToken stop)
    {
        await Task.Delay(Random.Shared.NextDouble() * AmongOthers * Math.Max(0, found.Members - 1), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !stop.IsCancellationRequested && await LookAsync(admin) == found;
    }

    /// <summary>The partitions that no member of a group at rest has, and the members; null when each has an owner, or who has
    /// them is just being settled.</summary>
    private async Task<Finding?> LookAsync(IAdminClient admin)
    {
        if (await GroupLook.AskAsync(admin, group) is not { } found || !GroupLook.IsAtRest(found))
            return null;
        var partitions = await Task.Run(() => admin.GetMetadata(topic, GroupLook.AnswersWithin).Topics[0].Partitions.ConvertAll(partition => partition.PartitionId));
        return Ownerless(topic, partitions, found.Members.ConvertAll(member => (member.MemberId, GroupLook.Share(member.MemberAssignment)))) is { } ownerless
            ? new(ownerless, found.Members.Count)
            : null;
    }

    /// <summary>What <see cref="LookAsync"/> makes of an answer.</summary>
    internal static string? Ownerless(string topic, IEnumerable<int> partitions, IReadOnlyCollection<(string Id, List<TopicPartition> Has)> members)
    {
        var owned = members.SelectMany(member => member.Has).Where(partition => partition.Topic == topic).Select(partition => partition.Partition.Value).ToHashSet();
        var ownerless = partitions.Where(partition => !owned.Contains(partition)).Order().ToList();
        return ownerless.Count == 0 ? null : $"{string.Join(", ", ownerless)} (members: {string.Join(", ", members.Select(member => member.Id).Order(StringComparer.Ordinal))})";
    }

    /// <summary>Joins the group as one more member, and leaves it.</summary>
    private void Visit(CancellationToken stop)
    {
        var config = settings.GroupConsumer("");
        (config.GroupId, config.GroupInstanceId) = (group, null);
        var hasJoined = false;
        using var visitor = new ConsumerBuilder<Ignore, Ignore>(config)
            .SetPartitionsAssignedHandler((_, partitions) =>
            {
                hasJoined = true;
                return partitions.ConvertAll(partition => new TopicPartitionOffset(partition, Offset.End));
            })
            .SetLogHandler(static (_, _) => { })
            .Build();
        visitor.Subscribe(elsewhere);
        for (var since = time.GetTimestamp(); !hasJoined && !stop.IsCancellationRequested && time.GetElapsedTime(since) < VisitsAtMost;)
            visitor.Consume(TimeSpan.FromMilliseconds(100));
        visitor.Close();
    }

    [LoggerMessage(2228, LogLevel.Warning, "group {Group} rests, and nobody has partitions {Partitions}: a rebalance was cut short, it is asked for another")]
    private static partial void LogOwnerless(ILogger logger, string group, string partitions);

    [LoggerMessage(2229, LogLevel.Debug, "group {Group} did not tell who has what: {Reason}")]
    private static partial void LogNotTold(ILogger logger, string group, string reason);

    /// <param name="Ownerless">The partitions, and who is in the group.</param>
    /// <param name="Members">How many.</param>
    private sealed record Finding(string Ownerless, int Members);
}
