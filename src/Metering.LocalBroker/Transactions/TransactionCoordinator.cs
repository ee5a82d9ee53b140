using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Topics;
using Metering.LocalBroker.Wire;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Transactions;

/// <summary>
/// Producer ids and transactions. The end of a transaction is one entry, so it is whole or not at all (R32), and a producer
/// never has to wait for the end of another's. Takes the broker's gate itself unless a member says otherwise.
/// </summary>
internal sealed partial class TransactionCoordinator : IJournaled, IDisposable
{
    /// <summary>Kafka's <c>transaction.max.timeout.ms</c>.</summary>
    public const int MaxTimeoutMs = 900_000;

    private readonly Lock _gate;
    private readonly IJournal _journal;
    private readonly ITransactionPartitions _partitions;
    private readonly GroupCoordinator _groups;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TransactionTable _table;
    private readonly Deadlines _deadlines;
    private bool _started;

    public TransactionCoordinator(
        Lock gate, IJournal journal, TopicTable topics, OffsetTable offsets, GroupCoordinator groups, TimeProvider time, ILogger logger)
        : this(gate, journal, new TransactionPartitions(topics), offsets, groups, time, logger)
    {
    }

    internal TransactionCoordinator(
        Lock gate, IJournal journal, ITransactionPartitions partitions, OffsetTable offsets, GroupCoordinator groups, TimeProvider time, ILogger logger)
    {
        _gate = gate;
        _journal = journal;
        _partitions = partitions;
        _groups = groups;
        _time = time;
        _logger = logger;
        _table = new TransactionTable(journal, partitions, offsets);
        _deadlines = new Deadlines(gate, time, logger);
    }

    /// <summary>Open transactions, for the metrics. Takes the gate.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
                return _table.All.Count(static p => p.State == TransactionState.Ongoing);
        }
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>To be called once recovery is over: transactions that were open before are from now on aborted when their time is up.
    /// Before it no deadline runs, for a later entry may have ended them.</summary>
    public void Start()
    {
        lock (_gate)
            StartUnderGate();
    }

    /// <returns>An error for all, or each partition's in order: as Kafka, if one partition is unknown the others answer
    /// OPERATION_NOT_ATTEMPTED (55) and nothing is added.</returns>
    public (IReadOnlyList<ErrorCode> Partitions, long Entry) AddPartitions(ProducerIdentity producer, IReadOnlyList<(string Topic, int Partition)> partitions)
    {
        lock (_gate)
        {
            StartUnderGate();
            if (partitions.Count == 0)
                return ([], 0);
            var errors = new ErrorCode[partitions.Count];
            var areKnown = true;
            for (var i = 0; i < errors.Length; i++)
            {
                errors[i] = _partitions.Exists(partitions[i].Topic, partitions[i].Partition) ? ErrorCode.OperationNotAttempted : ErrorCode.UnknownTopicOrPartition;
                areKnown &= errors[i] == ErrorCode.OperationNotAttempted;
            }
            if (!areKnown)
                return (errors, 0);
            var error = Check(producer, ErrorCode.ProducerFenced, out var found);
            Array.Fill(errors, error);
            if (error != ErrorCode.None)
                return (errors, 0);
            var added = new List<(string, int)>(partitions.Count);
            foreach (var partition in partitions)
            {
                if (!found.Partitions.ContainsKey(partition))
                    added.Add(partition);
            }
            // What a retry adds is there already, but perhaps not yet on disk.
            if (found.State == TransactionState.Ongoing && added.Count == 0)
                return (errors, _journal.Last);
            var entry = _table.AddPartitions(found.Id, added, NowMs);
            Limit(found);
            return (errors, entry);
        }
    }

    public (ErrorCode Error, long Entry) AddOffsets(ProducerIdentity producer, string group)
    {
        lock (_gate)
        {
            StartUnderGate();
            if (string.IsNullOrEmpty(group))
                return (ErrorCode.InvalidGroupId, 0);
            if (Check(producer, ErrorCode.ProducerFenced, out var found) is var error and not ErrorCode.None)
                return (error, 0);
            if (found.State == TransactionState.Ongoing && found.Groups.Contains(group))
                return (ErrorCode.None, _journal.Last);
            var entry = _table.AddGroup(found.Id, group, NowMs);
            Limit(found);
            return (ErrorCode.None, entry);
        }
    }

    /// <summary>TxnOffsetCommit: pending until the end; fenced by the group's generation when it is given.</summary>
    public CommitAnswer CommitOffsets(ProducerIdentity producer, CommitRequest request)
    {
        lock (_gate)
        {
            StartUnderGate();
            if (Check(producer, ErrorCode.InvalidProducerEpoch, out var found) is var error and not ErrorCode.None)
                return new CommitAnswer(error, [], 0);
            if (found.State != TransactionState.Ongoing || !found.Groups.Contains(request.Group))
                return new CommitAnswer(ErrorCode.InvalidTxnState, [], 0);
            if (_groups.CheckCommit(request, isTransactional: true) is var fenced and not ErrorCode.None)
                return new CommitAnswer(fenced, [], 0);
            var (errors, accepted) = OffsetEntry.Check(request.Offsets, CheckExists);
            return new CommitAnswer(ErrorCode.None, errors, accepted.Count > 0 ? _table.AddOffsets(found.ProducerId, request.Group, accepted) : 0);
        }
    }

    /// <summary>Commits or aborts. Asked again for the same outcome it says yes again: the first answer may have been lost.</summary>
    public (ErrorCode Error, long Entry) End(ProducerIdentity producer, bool commit)
    {
        lock (_gate)
        {
            StartUnderGate();
            if (Check(producer, ErrorCode.ProducerFenced, out var found) is var error and not ErrorCode.None)
                return (error, 0);
            if (found.State == TransactionState.Ongoing)
                return (ErrorCode.None, EndNow(found, commit, found.Epoch, found.LastEpoch));
            return found.State == (commit ? TransactionState.CompleteCommit : TransactionState.CompleteAbort)
                ? (ErrorCode.None, _journal.Last)
                : (ErrorCode.InvalidTxnState, 0);
        }
    }

    /// <summary>None when a transactional batch of this producer may be appended there. Under the gate.</summary>
    public ErrorCode CheckAppend(string transactionalId, long producerId, short epoch, string topic, int partition)
    {
        if (Check(new ProducerIdentity(transactionalId, producerId, epoch), ErrorCode.InvalidProducerEpoch, out var found) is var error and not ErrorCode.None)
            return error;
        return found.State == TransactionState.Ongoing && found.Partitions.ContainsKey((topic, partition)) ? ErrorCode.None : ErrorCode.InvalidTxnState;
    }

    public IReadOnlyList<TransactionListing> List()
    {
        lock (_gate)
        {
            var listings = new List<TransactionListing>(_table.All.Count);
            foreach (var producer in _table.All)
                listings.Add(new TransactionListing(producer.Id, producer.ProducerId, producer.State.ToString()));
            return listings;
        }
    }

    public TransactionDescription Describe(string transactionalId)
    {
        lock (_gate)
        {
            if (string.IsNullOrEmpty(transactionalId) || _table.Find(transactionalId) is not { } found)
            {
                var error = string.IsNullOrEmpty(transactionalId) ? ErrorCode.InvalidRequest : ErrorCode.TransactionalIdNotFound;
                return new TransactionDescription(error, transactionalId, "", 0, -1, -1, -1, []);
            }
            return new TransactionDescription(
                ErrorCode.None, found.Id, found.State.ToString(), found.TimeoutMs, found.StartedAtMs, found.ProducerId, found.Epoch, [.. found.Partitions.Keys]);
        }
    }

    public bool Owns(EntryKind kind) => kind is EntryKind.Transaction or EntryKind.TransactionOffsets or EntryKind.EndTransaction;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload) => _table.Apply(kind, payload);

    public byte[] Save() => _table.Save();

    public void Load(ReadOnlySpan<byte> saved) => _table.Load(saved);

    public void Dispose()
    {
        lock (_gate)
            _deadlines.Dispose();
    }

    private ErrorCode CheckExists(OffsetToCommit offset) =>
        _partitions.Exists(offset.Topic, offset.Partition) ? ErrorCode.None : ErrorCode.UnknownTopicOrPartition;

    /// <param name="fenced">What a producer of another epoch hears, which depends on the call.</param>
    private ErrorCode Check(ProducerIdentity producer, ErrorCode fenced, out TransactionalProducer found)
    {
        found = null!;
        if (string.IsNullOrEmpty(producer.TransactionalId))
            return ErrorCode.InvalidRequest;
        if (_table.Find(producer.TransactionalId) is not { } known || known.ProducerId != producer.ProducerId)
            return ErrorCode.InvalidProducerIdMapping;
        if (known.Epoch != producer.Epoch)
        {
            TransactionLog.Fenced(_logger, known.Id, producer.ProducerId, producer.Epoch);
            return fenced;
        }
        found = known;
        return ErrorCode.None;
    }

    private long EndNow(TransactionalProducer producer, bool commit, short epoch, short lastEpoch)
    {
        var entry = _table.End(producer.Id, commit, epoch, lastEpoch, NowMs);
        if (producer.Limit is { } limit)
            _deadlines.Cancel(limit);
        return entry;
    }

    private void StartUnderGate()
    {
        if (_started)
            return;
        _started = true;
        foreach (var producer in _table.All)
        {
            if (producer.State == TransactionState.Ongoing)
                Limit(producer);
        }
    }

    /// <summary>Sets an open transaction's deadline, once. The entry holds the wall clock; a clock that was set while the broker was
    /// away gives it its timeout once more at most.</summary>
    private void Limit(TransactionalProducer producer)
    {
        producer.Limit ??= new Deadline(() => TimeUp(producer));
        if (!producer.Limit.IsSet)
            _deadlines.Set(producer.Limit, Math.Clamp(producer.StartedAtMs + producer.TimeoutMs - NowMs, 0, producer.TimeoutMs));
    }

    private void TimeUp(TransactionalProducer producer)
    {
        if (producer.State != TransactionState.Ongoing)
            return;
        TransactionLog.TimedOut(_logger, producer.Id, producer.TimeoutMs, producer.ProducerId, producer.Epoch);
        EndNow(producer, commit: false, (short)(producer.Epoch + 1), lastEpoch: -1);
    }
}
