using Metering.Core;
using Metering.Core.Policies;
using Metering.Core.Shares;
using Metering.Core.Usage;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Govern.Leases;

namespace Metering.Pipeline.Govern;

/// <summary>
/// GOVERN's work on one partition of <c>usage-deltas</c>, whose scopes live here: rolling rates, limits and their decisions
/// (step 12). What an interval made leaves in one transaction with the state (step 13). Pure: no I/O and no clock. Single-threaded.
/// </summary>
public sealed class GovernProcessor : IPartitionProcessor
{
    public const string InputTopic = "usage-deltas";

    private const long SecondMicros = 1_000_000;

    /// <summary>A heartbeat.</summary>
    private const long TickMicros = SecondMicros;

    // The topic has the short window each second and the longer ones each fifth look; the ledger, whose rows stay, less often.
    private const int LongSampleLooks = 5, ShortLedgerLooks = 10, LongLedgerLooks = 60;

    /// <summary>Scopes that an interval may change before it is committed early: a transaction stays small.</summary>
    private const int MaxTouched = 20_000;

    private readonly GovernContext _context;
    private readonly Dictionary<byte[], ScopeState> _scopes = new(Utf8Comparer.Instance);
    private readonly Dictionary<byte[], ScopeState>.AlternateLookup<ReadOnlySpan<byte>> _find;
    private readonly List<ScopeState> _touched = [];
    private readonly ScopeRounds _rounds = new();
    private readonly GovernState _state = new();
    private readonly GovernOutput _output;
    private readonly DecisionBook _decisions;
    private readonly ScopeDecider _decider;
    private readonly HardAccounts _hard;
    private readonly InputDecoder _decoder = new();
    private readonly StringPool _strings = new(4_096);
    private PolicyMatcher? _policies;
    private long _nowMicros, _tickedAtMicros, _epoch;

    public GovernProcessor(int partition, GovernContext context)
    {
        _context = context;
        _output = new GovernOutput(partition, context);
        _decisions = new DecisionBook(context.DecisionSchemaId);
        _decider = new ScopeDecider(_decisions);
        _hard = new HardAccounts(partition, _decisions);
        _find = _scopes.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public bool WantsCommit => _touched.Count >= MaxTouched || _hard.IsUrgent;

    public bool IsIdleCommitDue(DateTimeOffset now) => MicrosOf(now) - _tickedAtMicros >= TickMicros;

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (_hard.TryRestore(key, value))
            return;
        switch (key[0])
        {
            case GovernState.Now:
                (_nowMicros, _epoch, _decisions.Version) = GovernState.ReadNow(value);
                break;
            case GovernState.Decision:
                _decisions.Restore(key, value);
                break;
            default:
                if (!value.IsEmpty)
                    RestoreSums(key, value);
                else if (_find.TryGetValue(GovernState.ScopeOf(key, out _), out var gone))
                    Remove(gone); // a scope is forgotten whole
                break;
        }
    }

    public ProcessResult Process(in InputRecord record)
    {
        _nowMicros = Math.Max(_nowMicros, record.ArrivedAtMs * 1000);
        if (_policies is null)
            TakePolicies(_context.Policies);
        _hard.Arrived(record.ArrivedAtMs * 1000);
        if (!_decoder.TryDecode(_context.DeltaSchemas, record.Value, out var body, out var isWaiting))
        {
            if (isWaiting)
                return ProcessResult.Wait;
            _context.Counters.AddUndecodable();
            return ProcessResult.Taken;
        }
        if (UsageDeltaView.TryRead(body, out var delta) != DecodeError.None)
        {
            _context.Counters.AddUndecodable();
            return ProcessResult.Taken;
        }
        _context.Counters.AddDelta();
        if (!delta.LeaseId.IsEmpty)
            _hard.AddMetered(_strings.Intern(delta.LeaseId)!, delta.LeasePaid);
        else if (!delta.EndedGateway.IsEmpty)
            _hard.EndGateway(_strings.Intern(delta.EndedGateway)!);
        else
            Add(delta);
        return ProcessResult.Taken;
    }

    /// <summary>A gateway's request for leases. One whose schema is not known yet is left out: it is said again (R25).</summary>
    public void ProcessSide(string topic, in InputRecord record)
    {
        _nowMicros = Math.Max(_nowMicros, record.ArrivedAtMs * 1000);
        if (_policies is null)
            TakePolicies(_context.Policies);
        _hard.Arrived(record.ArrivedAtMs * 1000);
        if (!_decoder.TryDecode(_context.LeaseSchemas, record.Value, out var body, out var isWaiting))
        {
            if (isWaiting)
                _context.Counters.AddSkippedReport();
            else
                _context.Counters.AddUndecodable();
            return;
        }
        var request = new LeaseRequest();
        if (LeaseRequest.TryRead(body, _strings, request, out _) != DecodeError.None || !record.Key.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(request.Scope)))
            _context.Counters.AddUndecodable();
        else if (LevelReports.IsOne(request) ? LevelReports.Of(request) is { } report && Take(report, record.Key) : LeaseRequests.Of(request) is { } levels && Take(levels))
            return;
        else
            _context.Counters.AddUndecodable();
    }

    public void OnCommit(DateTimeOffset now, ITransactionOutput output)
    {
        // R27: never back, whatever this machine's clock says.
        _nowMicros = Math.Max(_nowMicros, MicrosOf(now));
        if (_policies != _context.Policies)
            TakePolicies(_context.Policies);
        var isTick = _nowMicros - _tickedAtMicros >= TickMicros;
        if (isTick)
        {
            _tickedAtMicros = _nowMicros;
            _hard.DropRefusals();
        }
        _rounds.Begin(_nowMicros);
        foreach (var scope in _touched)
        {
            if (!_rounds.IsDue(scope))
                _decider.Decide(scope, isTick: false, _nowMicros);
        }
        foreach (var (scope, look) in _rounds.Due())
            Look(scope, look, output);
        _hard.Decide(MicrosOf(now));
        _context.Counters.AddDecisions(_decisions.Changes.Count);
        _output.SendChanges(_decisions, _nowMicros, output);
        _output.SendGrants(_hard.Grants, _decisions, output);
        if (isTick)
            _output.SendHeartbeat(_decisions, _epoch, _nowMicros, output);
        _output.SendTo(output);
        Save(output);
    }

    private void Add(in UsageDeltaView delta)
    {
        var scope = ScopeOf(delta.Scope);
        var sums = new UsageSums(delta.Requests, delta.InputTokens, delta.CachedInputTokens, delta.CacheWriteTokens, delta.OutputTokens, delta.ReasoningTokens, delta.CostPicoUsd, delta.Unpriced);
        var second = (uint)(delta.RateTimeMicros / SecondMicros);
        scope.Rates.Add(second, sums);
        if (scope.IsHard && !delta.Leased)
            _hard.AddUnleased(scope.Text, delta.RateTimeMicros, sums);
        foreach (var account in scope.Accounts.Values)
            account.Add(second, sums);
        scope.SeenAtMicros = _nowMicros;
        Touch(scope);
    }

    // To be decided and saved with the next commit.
    private void Touch(ScopeState scope)
    {
        if (scope.IsTouched)
            return;
        scope.IsTouched = true;
        _touched.Add(scope);
    }

    private bool Take(Core.Leases.LeaseRequest request)
    {
        _hard.Apply(request);
        return true;
    }

    // Of a scope that nothing is known of, there is nothing to divide: but a request is under way before it is metered.
    private bool Take(LevelReport report, ReadOnlySpan<byte> name)
    {
        var isConcurrent = report.Unit == Core.Policies.LimitUnit.Concurrent;
        if (!_find.TryGetValue(name, out var scope))
        {
            if (!isConcurrent || !_decider.IsConcurrent(name))
                return true;
            scope = ScopeOf(name);
        }
        if ((isConcurrent ? scope.UnderWay : scope.Throttled).Take(report))
            Touch(scope);
        return true;
    }

    private ScopeState ScopeOf(ReadOnlySpan<byte> name)
    {
        if (_find.TryGetValue(name, out var scope))
            return scope;
        scope = new ScopeState(name.ToArray(), System.Text.Encoding.UTF8.GetString(name)) { SeenAtMicros = _nowMicros };
        _scopes.Add(scope.Name, scope);
        _rounds.Add(scope);
        _context.Counters.AddScopes(1);
        _decider.FindPolicies(scope);
        return scope;
    }

    private void TakePolicies(PolicyMatcher policies)
    {
        if (_policies is null)
        {
            _epoch++; // a governor's first interval after a takeover
            ExpectGateways();
        }
        _policies = policies;
        _decider.TakePolicies(policies);
        _hard.TakePolicies(policies);
        foreach (var scope in _scopes.Values)
        {
            _decider.FindPolicies(scope);
            _decider.Decide(scope, isTick: false, _nowMicros);
        }
        // Of policies that are gone, or have no such scope any more.
        foreach (var decision in _decisions.Published.Where(static decision => !LeaseDecisions.IsRefusal(decision)).ToArray())
        {
            if (!_find.TryGetValue(System.Text.Encoding.UTF8.GetBytes(decision.Scope), out var scope) || !ScopeDecider.IsOf(scope, decision.Policy))
                _decisions.TakeBack(decision.Key);
        }
    }

    // What gateways report is no state: those that a decision names are waited for before their shares go to others.
    private void ExpectGateways()
    {
        foreach (var decision in _decisions.Published)
        {
            if (decision.SharesPpm.Count + decision.Slots.Count == 0)
                continue;
            var scope = ScopeOf(System.Text.Encoding.UTF8.GetBytes(decision.Scope));
            foreach (var gateway in decision.SharesPpm.Keys.Where(static name => name != RateShares.Others))
                scope.Throttled.Expect(gateway);
            foreach (var gateway in decision.Slots.Keys.Where(static name => name != RateShares.Others))
                scope.UnderWay.Expect(gateway);
        }
    }

    // Once a second, each scope at its own moment of it.
    private void Look(ScopeState scope, int look, ITransactionOutput output)
    {
        scope.Rates.BySecond.DropBefore((uint)(_nowMicros / SecondMicros));
        scope.Rates.ByMinute.DropBefore((uint)(_nowMicros / (60 * SecondMicros)));
        Sample(scope, look);
        scope.Throttled.DropSilent(_nowMicros);
        scope.UnderWay.DropSilent(_nowMicros);
        _decider.Decide(scope, isTick: true, _nowMicros);
        if (!scope.Rates.IsEmpty || scope.HasRate || !_decider.IsForgettable(scope, _nowMicros))
            return;
        _state.Forget(scope, output.SaveState);
        Remove(scope);
    }

    private void Remove(ScopeState scope)
    {
        scope.IsGone = true;
        _scopes.Remove(scope.Name);
        _context.Counters.AddScopes(-1);
    }

    // The last sample of a scope that has gone quiet says 0.
    private void Sample(ScopeState scope, int look)
    {
        var rate = scope.Rates.Over(RateSignals.TenSeconds, _nowMicros);
        if (!rate.IsZero || scope.HasRate)
            _output.Signals.Add(RateSignals.Of(scope.Text, rate, _nowMicros), toLedger: rate.IsZero || look % ShortLedgerLooks == 0);
        scope.HasRate = !rate.IsZero;
        if (look % LongSampleLooks != 0)
            return;
        foreach (var window in (ReadOnlySpan<TimeSpan>)[RateSignals.Minute, RateSignals.Hour])
        {
            var sums = scope.Rates.Over(window, _nowMicros);
            if (!sums.IsZero)
                _output.Signals.Add(RateSignals.Of(scope.Text, sums, _nowMicros), toLedger: look % LongLedgerLooks == 0);
        }
    }

    private void Save(ITransactionOutput output)
    {
        GovernState.Save save = output.SaveState;
        foreach (var scope in _touched)
        {
            _state.SaveChanged(GovernState.Second, scope.Name, scope.Rates.BySecond, save);
            _state.SaveChanged(GovernState.Minute, scope.Name, scope.Rates.ByMinute, save);
            foreach (var key in scope.Accounts.Keys)
                _state.SaveChanged(scope, key, save);
            scope.IsTouched = false;
        }
        _touched.Clear();
        _decisions.Save(save);
        _hard.Save(output.SaveState);
        _state.SaveNow(_nowMicros, _epoch, _decisions.Version, save);
    }

    private void RestoreSums(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var scope = ScopeOf(GovernState.ScopeOf(key, out var accountKey));
        var (time, sums) = GovernState.ReadValue(value);
        switch (key[0])
        {
            case GovernState.Second:
                scope.Rates.BySecond.Restore((uint)time, sums);
                return;
            case GovernState.Minute:
                scope.Rates.ByMinute.Restore((uint)time, sums);
                return;
        }
        if (!scope.Accounts.TryGetValue(accountKey, out var account))
            scope.Accounts.Add(accountKey, account = accountKey.Create());
        if (key[0] == GovernState.FixedAccount)
            account.Restore(time, sums);
        else
            account.Cells!.Restore((uint)time, sums);
    }

    private static long MicrosOf(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
