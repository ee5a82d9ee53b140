using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Transactions;

internal readonly record struct ProducerIdentity(string TransactionalId, long ProducerId, short Epoch);

internal readonly record struct InitAnswer(ErrorCode Error, long ProducerId, short Epoch, long Entry);

/// <param name="State">Empty, Ongoing, CompleteCommit or CompleteAbort, as Kafka names them.</param>
internal readonly record struct TransactionListing(string TransactionalId, long ProducerId, string State);

internal sealed record TransactionDescription(
    ErrorCode Error, string TransactionalId, string State, int TimeoutMs, long StartedAtMs, long ProducerId, short Epoch,
    IReadOnlyList<(string Topic, int Partition)> Partitions);
