using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Transactions;

/// <summary>Producer ids and transactions. Takes the broker's gate itself unless a member says otherwise.</summary>
internal sealed class TransactionCoordinator : IJournaled
{
    public TransactionCoordinator(
        Lock gate, IJournal journal, TopicTable topics, OffsetTable offsets, GroupCoordinator groups, TimeProvider time, ILogger logger)
    {
    }

    /// <param name="transactionalId">Null: an idempotent producer without transactions.</param>
    /// <param name="producerId">−1, or what the client holds (KIP-360).</param>
    public InitAnswer InitProducerId(string? transactionalId, int timeoutMs, long producerId, short epoch) => throw new NotSupportedException();

    /// <returns>An error for all, or each partition's in order: as Kafka, if one partition is unknown the others answer
    /// OPERATION_NOT_ATTEMPTED (55) and nothing is added.</returns>
    public (IReadOnlyList<ErrorCode> Partitions, long Entry) AddPartitions(ProducerIdentity producer, IReadOnlyList<(string Topic, int Partition)> partitions) =>
        throw new NotSupportedException();

    public (ErrorCode Error, long Entry) AddOffsets(ProducerIdentity producer, string group) => throw new NotSupportedException();

    /// <summary>TxnOffsetCommit: pending until the end; fenced by the group's generation when it is given.</summary>
    public CommitAnswer CommitOffsets(ProducerIdentity producer, CommitRequest request) => throw new NotSupportedException();

    public (ErrorCode Error, long Entry) End(ProducerIdentity producer, bool commit) => throw new NotSupportedException();

    /// <summary>None when a transactional batch of this producer may be appended there. Under the gate.</summary>
    public ErrorCode CheckAppend(string transactionalId, long producerId, short epoch, string topic, int partition) => throw new NotSupportedException();

    public IReadOnlyList<TransactionListing> List() => throw new NotSupportedException();

    public TransactionDescription Describe(string transactionalId) => throw new NotSupportedException();

    public bool Owns(EntryKind kind) => kind is EntryKind.Transaction or EntryKind.TransactionOffsets or EntryKind.EndTransaction;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException();

    public byte[] Save() => [];

    public void Load(ReadOnlySpan<byte> saved)
    {
    }
}

internal readonly record struct ProducerIdentity(string TransactionalId, long ProducerId, short Epoch);

internal readonly record struct InitAnswer(ErrorCode Error, long ProducerId, short Epoch, long Entry);

/// <param name="State">Empty, Ongoing, CompleteCommit or CompleteAbort, as Kafka names them.</param>
internal readonly record struct TransactionListing(string TransactionalId, long ProducerId, string State);

internal sealed record TransactionDescription(
    ErrorCode Error, string TransactionalId, string State, int TimeoutMs, long StartedAtMs, long ProducerId, short Epoch,
    IReadOnlyList<(string Topic, int Partition)> Partitions);
