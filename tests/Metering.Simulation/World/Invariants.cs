using Metering.Events;
using Metering.Pipeline.Meter;
using Metering.Pipeline.Tests.Meter;
using Metering.Simulation.Kafka;
using Metering.Simulation.Ledger;
using Metering.Simulation.Meter;
using Metering.Simulation.Sink;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Simulation.World;

/// <summary>What must hold after each step, and at the end.</summary>
internal sealed class Invariants
{
    private readonly SimKafka _kafka;
    private readonly SimLedger _ledger;
    private readonly Traffic _traffic;
    private readonly List<(string Source, long Epoch, long Sequence, string RequestId)>[] _metered;
    private readonly HashSet<(string, long, long, string)> _identities = [];
    private readonly Dictionary<(string Source, long Epoch), NativeRow> _accounts = [];
    private readonly Dictionary<string, (long Requests, long Tokens, long CostPicoUsd)> _interval = [];
    private readonly UsageDelta _delta = new();
    private readonly StringPool _names = new();
    private readonly Dictionary<(string Scope, long Epoch, string Name), Signal> _findings = [];
    private long _deltaRequests;

    public Invariants(SimKafka kafka, SimLedger ledger, Traffic traffic)
    {
        (_kafka, _ledger, _traffic) = (kafka, ledger, traffic);
        _metered = [.. traffic.Metered.Select(_ => new List<(string, long, long, string)>())];
        kafka.Committed = OnCommitted;
    }

    /// <summary>R1, R6: no event is in committed blocks twice, and each account adds up.</summary>
    private void OnCommitted(int partition, SimTransaction transaction)
    {
        _interval.Clear();
        foreach (var record in _kafka.Blocks[partition].Of(transaction))
        {
            var block = SimSink.Read(record);
            var rows = NativeReader.Read(record.Value).Rows;
            Violation.Unless(block.Rows == rows.Length, $"block {partition}/{record.Offset} says {block.Rows} rows and has {rows.Length}");
            foreach (var row in rows)
                Take(partition, block.Table, row);
        }
        foreach (var record in _kafka.UsageDeltas.Of(transaction))
            TakeDelta(record);
        foreach (var record in _kafka.Signals.Of(transaction))
            TakeSignal(record);
        var wrong = _interval.FirstOrDefault(scope => scope.Value != default).Key;
        Violation.Unless(wrong is null, $"R9 the deltas of {wrong} in a transaction are not the usage of its rows");
    }

    /// <summary>Each event adds to its scopes, and each delta takes away again: nothing is left of a transaction.</summary>
    private void AddToScopes(NativeRow row)
    {
        var (tenant, model) = ("tenant=" + row.Text("tenant"), "model=" + row.Text("model"));
        foreach (var scope in new[] { "*", tenant, model, tenant + "/" + model })
        {
            var (requests, tokens, cost) = _interval.GetValueOrDefault(scope);
            _interval[scope] = (requests + 1, tokens + row.Int64("input_tokens") + row.Int64("output_tokens"), cost + row.Int64("cost_pico_usd"));
        }
    }

    private void TakeDelta(SimRecord record)
    {
        Violation.Unless(WireFormat.TryReadHeader(record.Value, out _, out var body), "a usage delta is not in the wire format");
        var delta = _delta;
        Violation.Unless(UsageDelta.TryRead(body, _names, delta) == DecodeError.None, "a usage delta cannot be decoded");
        var (requests, tokens, cost) = _interval.GetValueOrDefault(delta.Scope);
        _interval[delta.Scope] = (requests - delta.Requests, tokens - delta.InputTokens - delta.OutputTokens, cost - delta.CostPicoUsd);
        if (delta.Scope == "*")
            _deltaRequests += delta.Requests;
    }

    private void Take(int partition, string table, NativeRow row)
    {
        if (table == "token_events")
        {
            var (source, epoch, sequence, request) = (row.Text("source"), row.Int64("epoch"), row.Int64("sequence"), row.Text("request_id"));
            Violation.Unless(_identities.Add(sequence > 0 ? (source, epoch, sequence, "") : (source, 0, 0, request)), $"R1 event {source}/{epoch}/{sequence}/{request} is committed twice");
            _metered[partition].Add((source, epoch, sequence, request));
            AddToScopes(row);
        }
        else if (table == "source_accounts")
        {
            TakeAccount(row);
        }
    }

    private void TakeAccount(NativeRow row)
    {
        var key = (row.Text("source"), row.Int64("epoch"));
        long Of(string column) => row.Int64(column);
        // Records of no source have an account in each partition under one name: of those the ledger keeps one.
        if (key.Item1.Length > 0 && _accounts.TryGetValue(key, out var before))
            Violation.Unless(Of("received") >= before.Int64("received") && Of("highest_sequence") >= before.Int64("highest_sequence"), $"R2 the account of {key} goes back");
        Violation.Unless(Of("received") == Of("metered") + Of("rejected") + Of("duplicate"), $"R6 received of {key} does not add up");
        Violation.Unless(Of("published") == Of("metered") + Of("rejected") + Of("in_flight") + Of("lost"), $"R6 published of {key} does not add up");
        Violation.Unless(Of("in_flight") >= 0 && Of("lost") >= 0 && Of("published") >= Of("highest_sequence") + Of("unnumbered"), $"R6 {key} has {Of("in_flight")} in flight, {Of("lost")} lost of {Of("published")}");
        _accounts[key] = row;
    }

    /// <summary>R9: a finding is told when it begins or grows and when it is over, whatever dies in between, and nothing twice.</summary>
    private void TakeSignal(SimRecord record)
    {
        Violation.Unless(WireFormat.TryReadHeader(record.Value, out _, out var body), "a signal is not in the wire format");
        var signal = new Signal();
        Violation.Unless(Signal.TryRead(body, _names, signal) == DecodeError.None, "a signal cannot be decoded");
        var key = (signal.Scope, signal.Figures["epoch"], signal.Name);
        var isOpen = _findings.TryGetValue(key, out var before) && before.State == SignalState.Firing;
        Violation.Unless(signal.State == SignalState.Firing || isOpen, $"R9 {key} is over and was not told before");
        var mayRepeat = _traffic.TookBack.Contains((signal.Scope["source=".Length..], signal.Figures["epoch"]));
        Violation.Unless(!isOpen || signal.State != SignalState.Firing || before!.Message != signal.Message || mayRepeat, $"R9 {key} is told twice: {signal.Message}");
        _findings[key] = signal;
    }

    /// <summary>R3: what has not come is lost, exactly, and the last signal says so.</summary>
    private void LossesAtTheEnd()
    {
        foreach (var (key, row) in _accounts.Where(account => account.Key.Source.Length > 0))
        {
            var (count, highest) = _traffic.Numbered.GetValueOrDefault(key);
            var lost = Math.Max(highest, _traffic.Reports.GetValueOrDefault(key)?.SettledSequence ?? 0) - count;
            Violation.Unless((row.Int64("in_flight"), row.Int64("lost")) == (0, lost), $"R3 {lost} events of {key} have not come, its account says {row.Int64("lost")} lost and {row.Int64("in_flight")} in flight");
            var isTold = _findings.TryGetValue(("source=" + key.Source, key.Epoch, "lost"), out var told) && told.State == SignalState.Firing;
            Violation.Unless(isTold == lost > 0, $"R9 {lost} events of {key} are lost, told is {told?.State.ToString() ?? "nothing"}");
            var isBehind = _traffic.Reports.TryGetValue(key, out var report) && report.LastSequence < highest;
            var isUnder = _findings.TryGetValue(("source=" + key.Source, key.Epoch, "under_reported"), out var under) && under.State == SignalState.Firing;
            Violation.Unless(isUnder || !isBehind, $"R6 the report of {key} knows of {report?.LastSequence} events, {highest} came: not told");
        }
    }

    /// <summary>R17: nothing is acknowledged that the ledger does not hold.</summary>
    public void OnSinkCommitted(int partition, long before, long now)
    {
        foreach (var record in _kafka.Blocks[partition].ReadCommitted(before).TakeWhile(record => record.Offset < now))
        {
            var block = SimSink.Read(record);
            var held = _ledger.RowsOf(block.Table, partition, record.Offset);
            Violation.Unless(block.IsCounted ? held == block.Rows : held >= block.Rows, $"R17 block {partition}/{record.Offset} is acknowledged, {held} of its {block.Rows} rows are in {block.Table}");
        }
    }

    /// <summary>Once everything has come to rest.</summary>
    public void AtTheEnd(MeterContext straight)
    {
        foreach (var (key, report) in _traffic.Reports)
            straight.Reports.TryPut($"{key.Source}/{key.Epoch}", report, out _);
        for (var partition = 0; partition < _metered.Length; partition++)
        {
            Violation.Unless(_metered[partition].SequenceEqual(_traffic.Metered[partition]), $"R1 partition {partition} has {_metered[partition].Count} events metered, {_traffic.Metered[partition].Count} expected, or others");
            SameState(partition, straight);
        }
        Violation.Unless(_deltaRequests == _identities.Count, $"R1 the usage deltas hold {_deltaRequests} requests, the blocks {_identities.Count}");
        var letters = _kafka.DeadLetters.ReadCommitted(0).Count();
        Violation.Unless(letters == _traffic.Rejected, $"R15 {letters} dead letters, {_traffic.Rejected} expected");
        LossesAtTheEnd();
        foreach (var (key, received) in _traffic.Received)
            Violation.Unless(_accounts[key].Int64("received") == received, $"R6 {received} records of {key}, its account says {_accounts[key].Int64("received")}");
        Violation.Unless(_accounts.Where(account => account.Key.Source.Length > 0).Sum(account => account.Value.Int64("metered")) == _identities.Count, "R6 the accounts' sum is not the ledger's");
    }

    /// <summary>R9: what the crashes left in the changelog is what one undisturbed run leaves.</summary>
    private void SameState(int partition, MeterContext context)
    {
        var time = new FakeTimeProvider(_kafka.Now);
        var kafka = new SimKafka(_metered.Length, time);
        for (var offset = 0L; offset < _kafka.Input[partition].End; offset++)
        {
            var record = _kafka.Input[partition][offset];
            kafka.Input[partition].Append(record.Key!, record.Value, record.Headers, record.ArrivedAtMs, null);
        }
        var meter = new SimMeter(kafka, partition, context, compacted: false);
        for (var i = 0; i < 8; i++)
        {
            while (!meter.IsIdle)
            {
                meter.Process(int.MaxValue);
                meter.StepCommit();
            }
            time.Advance(TimeSpan.FromSeconds(1.1)); // what is missing is lost after the grace time
        }
        Violation.Unless(State(kafka.Changelog[partition]) == State(_kafka.Changelog[partition]), $"R9 the state of partition {partition} is not that of an undisturbed run");
    }

    private static string State(SimLog log) => string.Join('\n', SimMeter.Changes(log, compacted: true)
        .Where(change => change.Value.Length > 0)
        .Select(change => Convert.ToHexString(change.Key) + "=" + Convert.ToHexString(change.Value))
        .Order(StringComparer.Ordinal));
}
