using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Transactions;

/// <summary>Who gets which producer id and epoch.</summary>
internal sealed partial class TransactionCoordinator
{
    /// <summary>Kafka's <c>transactional.id.expiration.ms</c>.</summary>
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromDays(7);

    private static readonly TimeSpan BetweenSweeps = TimeSpan.FromDays(1);

    private DateTimeOffset? _sweptAt;

    /// <param name="transactionalId">Null: an idempotent producer without transactions.</param>
    /// <param name="producerId">−1, or what the client holds (KIP-360).</param>
    /// <remarks>An open transaction is aborted first. Kafka asks the caller to come back for that; here it is done at once.</remarks>
    public InitAnswer InitProducerId(string? transactionalId, int timeoutMs, long producerId, short epoch)
    {
        lock (_gate)
        {
            StartUnderGate();
            if (transactionalId is null)
            {
                var given = _table.NextProducerId;
                return new InitAnswer(ErrorCode.None, given, 0, _table.GiveProducerId(given));
            }
            if (transactionalId.Length == 0 || (producerId < 0) != (epoch < 0))
                return Refused(ErrorCode.InvalidRequest);
            if (timeoutMs is <= 0 or > MaxTimeoutMs)
                return Refused(ErrorCode.InvalidTransactionTimeout);
            if (_table.Find(transactionalId) is not { } known)
            {
                ForgetUnused();
                // Also for a client that comes with an id: this broker has forgotten it, and nobody else holds it.
                return Initialize(transactionalId, _table.NextProducerId, -1, 0, -1, timeoutMs);
            }
            return producerId < 0 ? TakeOver(known, timeoutMs) : Renew(known, timeoutMs, producerId, epoch);
        }
    }

    /// <summary>A producer starts: whoever held the id is fenced from now on.</summary>
    private InitAnswer TakeOver(TransactionalProducer known, int timeoutMs)
    {
        AbortOpen(known);
        return known.IsExhausted
            ? Initialize(known.Id, _table.NextProducerId, known.ProducerId, 0, -1, timeoutMs)
            : Initialize(known.Id, known.ProducerId, -1, (short)(known.Epoch + 1), -1, timeoutMs);
    }

    /// <summary>The holder itself asks for a new epoch, after an error (KIP-360).</summary>
    private InitAnswer Renew(TransactionalProducer known, int timeoutMs, long producerId, short epoch)
    {
        var isHolder = producerId == known.ProducerId && epoch == known.Epoch;
        var isRetry = known.LastEpoch >= 0 && epoch == known.LastEpoch && known.State != TransactionState.Ongoing
            && (producerId == known.ProducerId || (producerId == known.PreviousProducerId && TransactionalProducer.IsExhaustedAt(epoch)));
        if (isRetry)
            return Initialize(known.Id, known.ProducerId, known.PreviousProducerId, known.Epoch, known.LastEpoch, timeoutMs);
        if (!isHolder)
        {
            TransactionLog.Fenced(_logger, known.Id, producerId, epoch);
            return Refused(ErrorCode.ProducerFenced);
        }
        AbortOpen(known);
        return known.IsExhausted
            ? Initialize(known.Id, _table.NextProducerId, known.ProducerId, 0, epoch, timeoutMs)
            : Initialize(known.Id, known.ProducerId, -1, (short)(known.Epoch + 1), epoch, timeoutMs);
    }

    /// <summary>Its markers carry an epoch that nobody gets: whatever the former producer still sends to the partitions is below it.</summary>
    private void AbortOpen(TransactionalProducer known)
    {
        if (known.State != TransactionState.Ongoing)
            return;
        TransactionLog.TakenOver(_logger, known.Id, known.ProducerId, known.Epoch);
        EndNow(known, commit: false, (short)(known.Epoch + 1), lastEpoch: -1);
    }

    private InitAnswer Initialize(string id, long producerId, long previousProducerId, short epoch, short lastEpoch, int timeoutMs)
    {
        var entry = _table.Initialize(id, producerId, previousProducerId, epoch, lastEpoch, timeoutMs, NowMs);
        TransactionLog.Initialized(_logger, id, producerId, epoch);
        return new InitAnswer(ErrorCode.None, producerId, epoch, entry);
    }

    /// <summary>Clients that make a new transactional id at each start would else fill the memory. Looked at when another is made, once
    /// a day at most.</summary>
    private void ForgetUnused()
    {
        var now = _time.GetUtcNow();
        if (_sweptAt is { } last && now - last < BetweenSweeps)
            return;
        _sweptAt = now;
        var before = (now - ForgottenAfter).ToUnixTimeMilliseconds();
        var unused = new List<string>();
        foreach (var producer in _table.All)
        {
            if (producer.State != TransactionState.Ongoing && producer.UpdatedAtMs < before)
                unused.Add(producer.Id);
        }
        if (unused.Count == 0)
            return;
        _table.Forget(unused);
        TransactionLog.Forgotten(_logger, unused.Count);
    }

    private static InitAnswer Refused(ErrorCode error) => new(error, -1, -1, 0);
}
