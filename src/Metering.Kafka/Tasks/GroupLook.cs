using System.Buffers.Binary;
using System.Text;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Metering.Kafka.Tasks;

/// <summary>
/// What a group says of its members. Asked by the client's older call, which asks every broker: the newer one, DescribeConsumerGroups,
/// goes to the coordinator and ends the whole process where the connection breaks under it ("eonce->refcnt > 0", librdkafka 2.16;
/// its issue 4605), which is the very moment in which one wants to know.
/// </summary>
internal static class GroupLook
{
    /// <summary>Of what a member that a coordinator has named ends with: a hyphen and a random id.</summary>
    private const int RandomPart = 37;

    private const string AtRest = "Stable";

    public static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(5);

    /// <summary>Null when no broker knows the group, which also one says that has not begun to coordinate it.</summary>
    /// <exception cref="KafkaException">A broker is away, or reads its log.</exception>
    public static async Task<GroupInfo?> AskAsync(IAdminClient admin, string group)
    {
        var found = await Task.Run(() => admin.ListGroup(group, AnswersWithin));
        return found is { Error.IsError: true } ? throw new KafkaException(found.Error) : found;
    }

    /// <summary>No rebalance is under way.</summary>
    public static bool IsAtRest(GroupInfo group) => group.State == AtRest;

    /// <summary>Whether a static member's id is one of this name.</summary>
    public static bool IsNamed(string memberId, string instance) =>
        memberId.Length == instance.Length + RandomPart && memberId[instance.Length] == '-' && memberId.StartsWith(instance, StringComparison.Ordinal);

    /// <summary>A member's share as the consumer protocol writes it (ConsumerProtocolAssignment, any version): version, topics with
    /// their partitions, user data. What cannot be read gives nothing.</summary>
    public static List<TopicPartition> Share(ReadOnlySpan<byte> assignment)
    {
        var share = new List<TopicPartition>();
        if (assignment.Length < 2)
            return share;
        var rest = assignment[2..];
        if (!TryNumber(ref rest, out var topics))
            return share;
        for (var i = 0; i < topics; i++)
        {
            if (!TryName(ref rest, out var topic) || !TryNumber(ref rest, out var partitions))
                return [];
            for (var p = 0; p < partitions; p++)
            {
                if (!TryNumber(ref rest, out var partition))
                    return [];
                share.Add(new(topic, partition));
            }
        }
        return share;
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> rest, out int number)
    {
        if (!BinaryPrimitives.TryReadInt32BigEndian(rest, out number))
            return false;
        rest = rest[4..];
        return true;
    }

    private static bool TryName(ref ReadOnlySpan<byte> rest, out string name)
    {
        name = "";
        if (!BinaryPrimitives.TryReadInt16BigEndian(rest, out var length) || length < 0 || rest.Length < 2 + length)
            return false;
        name = Encoding.UTF8.GetString(rest.Slice(2, length));
        rest = rest[(2 + length)..];
        return true;
    }
}
