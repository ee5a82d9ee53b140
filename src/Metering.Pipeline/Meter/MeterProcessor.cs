using System.Buffers;
using System.IO.Hashing;
using Metering.Core.Pricing;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter.Losses;

namespace Metering.Pipeline.Meter;

/// <summary>
/// METER's work on one partition of <c>token-events</c>: decode, validate, deduplicate, price, and lay out as columns
/// (steps 3 to 7); what an interval made leaves in one transaction (step 8). Pure: no I/O and no clock. Single-threaded.
/// </summary>
public sealed class MeterProcessor : IPartitionProcessor
{
    public const string InputTopic = "token-events";

    /// <summary>A gap in an epoch that has been silent for longer concerns no lease any more: some more than an hour.</summary>
    private const long LeasesWrittenOffAfterMs = 2 * 3_600_000;

    /// <summary>Whose account counts the records that belong to no source (R6). A publisher's source is never empty.</summary>
    private static ReadOnlySpan<byte> Nobody => [];

    private readonly int _partition;
    private readonly MeterContext _context;
    private readonly SourceTable _sources = new();
    private readonly IdWindow _ids = new();
    private readonly XxHash128 _idHash = new();
    private readonly HashSet<EpochAccount> _changed = new(ReferenceEqualityComparer.Instance);
    private readonly MeterOutput _output;
    private readonly LossKeeper _losses;
    private readonly AccountReporter _reporter;
    private readonly ArrayBufferWriter<byte> _key = new(), _value = new();
    private readonly PooledBuffer _resolved = new();

    public MeterProcessor(int partition, MeterContext context)
    {
        _partition = partition;
        _context = context;
        _output = new MeterOutput(partition, context);
        _losses = new LossKeeper(partition, context, _sources);
        _reporter = new AccountReporter(_sources, _losses);
    }

    private MeterCounters Counters => _context.Counters;

    public bool WantsCommit => _output.IsFull;

    public bool IsIdleCommitDue(DateTimeOffset now) => _reporter.IsDue(now) || _losses.IsDue(now);

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length > 0 && key[0] == IdWindow.KeyTag)
            _ids.Restore(key, value);
        else if (EpochLossCodec.IsKey(key))
            _losses.Restore(key, value);
        else if (value.IsEmpty)
            Forget(EpochAccountCodec.SourceOf(key), EpochAccountCodec.EpochOf(key));
        else
            EpochAccountCodec.ReadValue(value, _sources.Get(EpochAccountCodec.SourceOf(key), EpochAccountCodec.EpochOf(key)));
    }

    public ProcessResult Process(in InputRecord record)
    {
        var result = Take(record);
        if (result == ProcessResult.Wait)
            _losses.Held();
        else
            _losses.Arrived(record.ArrivedAtMs);
        return result;
    }

    public void OnCommit(DateTimeOffset now, ITransactionOutput output)
    {
        if (_reporter.IsDue(now) || _losses.IsTime(now))
            _losses.Look(now, _reporter.Unreported, _output);
        _reporter.Report(now, _output);
        _output.SendTo(output);
        foreach (var account in _changed)
        {
            _key.ResetWrittenCount();
            _value.ResetWrittenCount();
            EpochAccountCodec.WriteKey(_key, account);
            EpochAccountCodec.WriteValue(_value, account);
            output.SaveState(_key.WrittenSpan, _value.WrittenSpan);
        }
        _changed.Clear();
        _losses.Save(output, _key, _value);
        _ids.SaveTo(output.SaveState);
        _reporter.Retire(now, output, _key);
    }

    private ProcessResult Take(in InputRecord record)
    {
        if (!WireFormat.TryReadHeader(record.Value, out var schemaId, out var body))
            return Refuse(record, new EventFault(DeadLetterReason.BadWireFormat, $"the value has {record.Value.Length} bytes and does not begin with 0 and a schema id: publish in Confluent's wire format"));
        if (schemaId < 1)
            return Refuse(record, new EventFault(DeadLetterReason.UnknownSchema, $"the schema id is {schemaId}; ids begin at 1"));
        if (_context.Schemas.Find(schemaId) is not { } schema)
            return ProcessResult.Wait;
        switch (schema.Kind)
        {
            case SchemaKind.Same:
                return Decode(record, body);
            case SchemaKind.Resolved:
                _resolved.Clear();
                var error = schema.Plan!.TryTranscode(body, _resolved, EventLimits.MaxEventBytes, out var failedField);
                return error == DecodeError.None
                    ? Decode(record, _resolved.WrittenSpan)
                    : Refuse(record, Undecodable(error, $"at the field {failedField} of schema {schemaId}"));
            case SchemaKind.Incompatible:
                return Refuse(record, new EventFault(DeadLetterReason.IncompatibleSchema, schema.Error!));
            default:
                return Refuse(record, new EventFault(DeadLetterReason.UnknownSchema, $"the registry knows no schema {schemaId}"));
        }
    }

    private void Forget(ReadOnlySpan<byte> source, long epoch)
    {
        if (_sources.Find(source, epoch) is { } account)
            _losses.Drop(account);
        _sources.Remove(source, epoch);
    }

    public bool TrySaveAll(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        foreach (var account in _sources.All())
        {
            _key.ResetWrittenCount();
            _value.ResetWrittenCount();
            EpochAccountCodec.WriteKey(_key, account);
            EpochAccountCodec.WriteValue(_value, account);
            save(_key.WrittenSpan, _value.WrittenSpan);
        }
        _losses.SaveAllTo(save, _key, _value);
        _ids.SaveAllTo(save);
        return true;
    }

    private ProcessResult Decode(in InputRecord record, ReadOnlySpan<byte> body)
    {
        if (body.Length > EventLimits.MaxEventBytes)
            return Refuse(record, new EventFault(DeadLetterReason.TooLarge, $"the event has {body.Length} bytes; {EventLimits.MaxEventBytes} are allowed"));
        var error = TokenEventView.TryRead(body, out var e, out var failedField);
        if (error != DecodeError.None)
            return Refuse(record, Undecodable(error, failedField is null ? "behind the last field" : $"at the field {failedField}"));
        if (!EventValidator.IsIdentityValid(e, record.Key, out var fault) || !IsAtHome(record, out fault))
            return Refuse(record, fault);
        return Meter(record, e, body.Length);
    }

    private ProcessResult Meter(in InputRecord record, in TokenEventView e, int bodyBytes)
    {
        var account = _sources.Get(e.Source, e.Epoch);
        _changed.Add(account);
        _reporter.Touch(account, record.ArrivedAtMs);
        var verdict = e.Sequence > 0 ? account.Sequences.Take(e.Sequence) : TakeUnnumbered(e);
        if (verdict == SequenceVerdict.Duplicate)
        {
            account.AddDuplicate(record.ArrivedAtMs);
            Counters.AddDuplicate();
            return ProcessResult.Taken;
        }
        if (verdict == SequenceVerdict.TooOldToTell)
        {
            account.AddTooOldToTell(record.ArrivedAtMs);
            return Bury(record, e, new EventFault(DeadLetterReason.TooOldToTell, $"sequence {e.Sequence} of epoch {e.Epoch} is at or below {account.Sequences.ForgottenUpTo}, from where on gaps are remembered: whether it was metered cannot be told"));
        }
        if (!EventValidator.IsValid(e, record.ArrivedAtMs, out var fault) || !TryPrice(e, out var price, out fault))
        {
            account.AddRejected(record.ArrivedAtMs);
            return Bury(record, e, fault);
        }
        account.AddMetered(record.ArrivedAtMs, e.InputTokens, e.OutputTokens);
        account.ObserveClock(e.EventTimeMicros, record.ArrivedAtMs);
        _output.AddEvent(e, price, record.ArrivedAtMs, bodyBytes);
        Counters.AddMetered(_partition, e, price);
        if (e.PaidBy.Count > 0)
            _output.AddPaid(e);
        if (!e.EndedGateway.IsEmpty && IsWhole(e.Source, record.ArrivedAtMs))
            _output.EndGateway(e.EndedGateway);
        return ProcessResult.Taken;
    }

    /// <summary>Step 6. The model that answered is priced; the one asked for when that is not said or has no price.</summary>
    private bool TryPrice(in TokenEventView e, out PriceResult price, out EventFault fault)
    {
        var prices = _context.Prices;
        price = PriceAs(prices, e.ServedModel, e);
        if (price.Reason is Unpriced.UnknownModel or Unpriced.BeforeFirstPrice)
            price = PriceAs(prices, e.Model, e);
        fault = price.Reason == Unpriced.Overflow
            ? new EventFault(DeadLetterReason.InvalidValue, $"{e.InputTokens} input and {e.OutputTokens} output tokens cost more than 9.2 million USD: no request does")
            : default;
        return price.Reason != Unpriced.Overflow;
    }

    private static PriceResult PriceAs(PriceBook prices, ReadOnlySpan<byte> model, in TokenEventView e) =>
        prices.TryPrice(model, e.EventTimeMicros, e.InputTokens, e.CachedInputTokens, e.CacheWriteTokens, e.OutputTokens, e.ReasoningTokens);

    /// <summary>R7: without a sequence the identity is (source, request_id, attempt, operation), within the window.</summary>
    private SequenceVerdict TakeUnnumbered(in TokenEventView e)
    {
        Span<byte> rest = stackalloc byte[12];
        BitConverter.TryWriteBytes(rest, e.Source.Length);
        BitConverter.TryWriteBytes(rest[4..], e.Attempt);
        BitConverter.TryWriteBytes(rest[8..], (int)e.Operation);
        _idHash.Append(rest);
        _idHash.Append(e.Source);
        _idHash.Append(e.RequestId);
        var id = _idHash.GetCurrentHashAsUInt128();
        _idHash.Reset();
        return _ids.Take(id) ? SequenceVerdict.New : SequenceVerdict.Duplicate;
    }

    /// <summary>R5: a source lives in the partition of its key, or its sequence would be accounted for in two places.</summary>
    private bool IsAtHome(in InputRecord record, out EventFault fault)
    {
        var home = Murmur2.PartitionOf(record.Key, _context.Partitions);
        fault = home == _partition ? default : new EventFault(DeadLetterReason.WrongPartition,
            $"the key's partition is {home} of {_context.Partitions}, the record lies in {_partition}: publish with partitioner=murmur2_random");
        return home == _partition;
    }

    private static EventFault Undecodable(DecodeError error, string where) =>
        new(error == DecodeError.TooLarge ? DeadLetterReason.TooLarge : DeadLetterReason.Undecodable, $"{error} {where}");

    /// <summary>A record that belongs to no sequence: rejected under no source, its gap stays (R6).</summary>
    private ProcessResult Refuse(in InputRecord record, in EventFault fault)
    {
        var nobody = _sources.Get(Nobody, 0);
        nobody.AddRejected(record.ArrivedAtMs);
        _changed.Add(nobody);
        _reporter.Touch(nobody, record.ArrivedAtMs);
        Counters.AddRejected(fault.Reason);
        _output.AddDeadLetter(record, fault);
        return ProcessResult.Taken;
    }

    /// <summary>R29: nothing is missing of what the source has published lately, so that all that its former gateway let go has been
    /// metered: its events lie before this one in the log (R3, R5).</summary>
    private bool IsWhole(ReadOnlySpan<byte> source, long arrivedAtMs)
    {
        foreach (var account in _sources.All())
        {
            if (source.SequenceEqual(account.Source) && account.Missing > 0 && arrivedAtMs - account.LastArrivalMs < LeasesWrittenOffAfterMs)
                return false;
        }
        return true;
    }

    // Served all the same: a lease that is settled by what was metered must not be settled for less.
    private ProcessResult Bury(in InputRecord record, in TokenEventView e, in EventFault fault)
    {
        if (e.PaidBy.Count is > 0 and <= EventLimits.MaxPaidBy)
            _output.AddPaid(e);
        Counters.AddRejected(fault.Reason);
        _output.AddDeadLetter(record, fault, e);
        return ProcessResult.Taken;
    }
}
