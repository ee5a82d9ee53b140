using Confluent.Kafka;
using Metering.Kafka.Tasks;

namespace Metering.Streamiz;

/// <summary>Why a run of Streamiz ended, by what follows. A <see cref="TaskStoppedException"/>: a person must look. A
/// <see cref="ProcessorFailedException"/>: the process stops. Anything else: a new run rebuilds from the changelog (R11).</summary>
internal static class Failures
{
    public static KafkaException Kafka(ErrorCode code, string reason) => new(new Error(code, reason));

    public static Exception Stage(Error error, string group) => error.Code == ErrorCode.InconsistentGroupProtocol
        ? new OtherHostException($"group {group} has members of the other host: one host serves a stage at a time. Stop every process that runs with another --host, or run this one with theirs.")
        : new KafkaException(error);
}

/// <summary>The group has members of the other host: just stopped, and gone when their session is over, or at work.</summary>
internal sealed class OtherHostException(string message) : Exception(message);

/// <summary>The processor threw: corrupt or impossible.</summary>
internal sealed class ProcessorFailedException(string message, Exception inner) : Exception(message, inner);
