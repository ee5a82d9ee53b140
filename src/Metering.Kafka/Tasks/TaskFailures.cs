using Confluent.Kafka;

namespace Metering.Kafka.Tasks;

/// <summary>The task cannot go on and a person must look; the message names the partition, what is wrong and the remedy.</summary>
internal sealed class TaskStoppedException(string message) : Exception(message);

/// <summary>The task's assignment ended while it was busy.</summary>
internal sealed class TaskRevokedException() : Exception("the partition was taken away");

/// <summary>What a task does about an error of Kafka.</summary>
internal static class TaskFailures
{
    /// <summary>Another producer has this task's transactional id (R8), or the coordinator gave up on ours.</summary>
    public static bool IsFenced(KafkaException e) => e.Error.Code is
        ErrorCode.Local_Fenced or ErrorCode.ProducerFenced or ErrorCode.InvalidProducerEpoch or ErrorCode.FencedInstanceId;

    /// <summary>How long a start waits for members of the other host to be gone from the group: a session, and some rounds.</summary>
    public static TimeSpan OtherHostPatience(KafkaSettings settings) => settings.SessionTimeout + TimeSpan.FromSeconds(4);

    /// <summary>The consumer's errors that no waiting mends.</summary>
    public static bool StopsStage(Error error) => error.IsFatal || error.Code is
        ErrorCode.GroupAuthorizationFailed or ErrorCode.TopicAuthorizationFailed or ErrorCode.InconsistentGroupProtocol;
}

/// <summary>Where tests make a commit fail.</summary>
internal enum CommitPoint
{
    BeforeSend,
    AfterSend,
    AfterOffsets,
    AfterCommit,
}
