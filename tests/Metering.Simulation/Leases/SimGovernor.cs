using Metering.Core.Leases;
using Metering.Core.Leases.Governor;

namespace Metering.Simulation.Leases;

/// <summary>Un-leased usage, as METER's deltas bring it.</summary>
internal sealed record SimUnleased(AccountKey Account, long At, long Amount);

/// <summary>What METER tells of a lease: an event that it paid for.</summary>
internal sealed record SimPaid(string LeaseId, long Amount);

/// <summary>What METER tells of a gateway: its journal has been recovered and metered.</summary>
internal sealed record SimEnded(string Gateway);

/// <summary>One run of a partition's governor: restored from what was committed, gone when it is killed.</summary>
internal sealed class SimGovernor : ILeaseOutput
{
    private readonly SimPartition _partition;
    private readonly int _epoch;
    private readonly List<object> _outputs = [];
    private int _position;
    private long _lastHeartbeat = long.MinValue;

    public SimGovernor(SimPartition partition, int number, LeaseGovernorOptions options, IEnumerable<KeyValuePair<AccountKey, HardLimit>> limits, Random random)
    {
        _partition = partition;
        _epoch = partition.TakeOver();
        _position = partition.Position;
        Governor = new LeaseGovernor($"g{number}", options);
        var saved = partition.State.Values.ToArray();
        random.Shuffle(saved);
        foreach (var (key, value) in saved)
            Governor.Restore(key, value);
        foreach (var (account, limit) in limits)
            Governor.SetLimits(account, [limit]);
    }

    public LeaseGovernor Governor { get; }

    /// <summary>Un-leased usage that it has processed.</summary>
    public List<SimUnleased> Unleased { get; } = [];

    /// <summary>Gateways whose end it has processed, and the last version then.</summary>
    public Dictionary<string, long> Ended { get; } = new(StringComparer.Ordinal);

    public bool HasUrgent => Governor.IsUrgent;

    public void Process(int most)
    {
        for (; most > 0 && _position < _partition.Input.Count; most--)
        {
            var (record, appendedAt) = _partition.Input[_position++];
            Governor.Arrived(appendedAt);
            if (record is LeaseRequest request)
            {
                Governor.Apply(request);
            }
            else if (record is SimPaid paid)
            {
                Governor.AddMetered(paid.LeaseId, paid.Amount);
            }
            else if (record is SimEnded ended)
            {
                Governor.EndGateway(ended.Gateway);
                Ended[ended.Gateway] = Governor.LastVersion;
            }
            else if (record is SimUnleased usage)
            {
                Governor.AddUnleased(usage.Account, usage.At, usage.Amount);
                Unleased.Add(usage);
            }
        }
    }

    /// <summary>False: it has been fenced.</summary>
    public bool Commit(long clock)
    {
        Governor.Decide(clock, this);
        if (clock - _lastHeartbeat is >= 200_000 or < 0)
        {
            _outputs.Add(Governor.NowMicros);
            _lastHeartbeat = clock;
        }
        var isDone = _partition.Commit(_epoch, _position, _outputs, Governor);
        _outputs.Clear();
        return isDone;
    }

    public void Grant(LeaseGrant grant) => _outputs.Add(grant);

    public void Settle(LeaseTombstone tombstone) => _outputs.Add(tombstone);

    public void Refuse(LeaseRefusal refusal) => _outputs.Add(refusal);
}
