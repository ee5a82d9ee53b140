using System.Text;
using Metering.Core;
using Metering.Core.Leases;
using Metering.Core.Leases.Governor;
using Metering.Core.Policies;
using Metering.Core.Usage;
using Metering.Events;
using Policy = Metering.Core.Policies.Policy;

namespace Metering.Pipeline.Govern.Leases;

/// <summary>
/// The hard accounts of one partition's scopes: binds the governor of leases to policies, usage and records. An account begins
/// when a policy and a gateway's request, or usage, name it; its state is the governor's own, beside the rest in the changelog.
/// </summary>
internal sealed class HardAccounts(int partition, DecisionBook decisions) : ILeaseOutput
{
    private readonly LeaseGovernor _governor = new(partition.ToString(System.Globalization.CultureInfo.InvariantCulture));
    private readonly Dictionary<string, List<AccountKey>> _ofScope = new(StringComparer.Ordinal);
    private readonly List<(string Key, Decision? Decision)> _grants = [];
    private Dictionary<byte[], byte[]>? _restored = new(Utf8Comparer.Instance);
    private PolicyMatcher _policies = PolicyMatcher.Empty;

    /// <summary>R29: a request waits for the next commit.</summary>
    public bool IsUrgent => _governor.IsUrgent;

    /// <summary>Grants and their tombstones since the last commit.</summary>
    public IReadOnlyList<(string Key, Decision? Decision)> Grants => _grants;

    public void Arrived(long logAppendMicros) => _governor.Arrived(logAppendMicros);

    /// <summary>R30: what windows have been charged stays, whatever policies are renamed or edited.</summary>
    public void TakePolicies(PolicyMatcher policies)
    {
        _policies = policies;
        EndRestore();
        foreach (var (scope, known) in _ofScope)
        {
            var limits = LimitsOf(scope);
            foreach (var key in known)
                _governor.SetLimits(key, limits.GetValueOrDefault(key, []));
            known.AddRange(limits.Keys.Where(key => !known.Contains(key)));
            Set(limits);
        }
    }

    /// <summary>R23: usage that bears no lease id.</summary>
    public void AddUnleased(string scope, long atMicros, in UsageSums sums)
    {
        foreach (var key in AccountsOf(scope))
            _governor.AddUnleased(key, atMicros, (long)Int128.Min(SoftAccount.AmountOf(key.Unit, sums), long.MaxValue));
    }

    /// <summary>R29: what metered events say that a lease paid.</summary>
    public void AddMetered(string leaseId, long paid) => _governor.AddMetered(leaseId, Math.Max(0, paid));

    /// <summary>R29: of a dead gateway all has been metered.</summary>
    public void EndGateway(string gateway) => _governor.EndGateway(gateway);

    public void Apply(Core.Leases.LeaseRequest request)
    {
        // Of an account that no policy limits any more, what is out may still be reported.
        _ = AccountsOf(request.Account.Scope);
        _governor.Apply(request);
    }

    public void Decide(long clockMicros) => _governor.Decide(clockMicros, this);

    /// <summary>What was refused in windows that are over.</summary>
    public void DropRefusals()
    {
        foreach (var decision in decisions.Published.Where(LeaseDecisions.IsRefusal).Where(refusal => refusal.ExpiresAtMicros <= _governor.NowMicros).ToArray())
            decisions.TakeBack(decision.Key);
    }

    public void Save(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        _governor.SaveTo(save);
        _grants.Clear();
    }

    /// <summary>Takes a record of the changelog, which may hold any number of a key's values, and tombstones.</summary>
    public bool TryRestore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!LeaseGovernor.IsKey(key))
            return false;
        if (value.IsEmpty)
            _restored!.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(key);
        else
            _restored!.GetAlternateLookup<ReadOnlySpan<byte>>()[key] = value.ToArray();
        return true;
    }

    void ILeaseOutput.Grant(LeaseGrant grant)
    {
        var decision = LeaseDecisions.Of(grant, _governor.NowMicros);
        _grants.Add((decision.Key, decision));
    }

    void ILeaseOutput.Settle(LeaseTombstone tombstone) => _grants.Add((LeaseDecisions.KeyOf(tombstone), null));

    void ILeaseOutput.Refuse(LeaseRefusal refusal) => decisions.Replace(LeaseDecisions.Of(refusal, _governor.NowMicros));

    // The governor takes each key once: its last value.
    private void EndRestore()
    {
        foreach (var (key, value) in _restored ?? [])
            _governor.Restore(key, value);
        _restored = null;
    }

    private List<AccountKey> AccountsOf(string scope)
    {
        if (_ofScope.TryGetValue(scope, out var known))
            return known;
        var limits = LimitsOf(scope);
        if (limits.Count == 0)
            return [];
        _ofScope.Add(scope, known = [.. limits.Keys]);
        Set(limits);
        return known;
    }

    private void Set(Dictionary<AccountKey, List<HardLimit>> limits)
    {
        foreach (var (key, all) in limits)
            _governor.SetLimits(key, all);
    }

    private Dictionary<AccountKey, List<HardLimit>> LimitsOf(string scope)
    {
        var limits = new Dictionary<AccountKey, List<HardLimit>>();
        foreach (var policy in _policies.PoliciesOf(Encoding.UTF8.GetBytes(scope)))
        {
            if (!policy.Hard || policy.IsShadow)
                continue;
            var key = new AccountKey(scope, policy.Unit, policy.Per, policy.TimeZone);
            if (!limits.TryGetValue(key, out var all))
                limits.Add(key, all = []);
            all.Add(new HardLimit(policy.Name, policy.Amount, policy.WhenControlIsLost == Core.Policies.LostControl.SafeShare ? policy.SafeSharePpm : 0));
        }
        return limits;
    }
}
