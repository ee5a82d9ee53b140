namespace Metering.Core.Leases.Governor;

/// <summary>Gateway instances that are known to be dead, for as long as something may still come in their name. Not state: what a
/// successor does not know of costs a lease that nobody spends, until it is written off.</summary>
internal sealed class EndedGateways
{
    private readonly Dictionary<string, long> _endedAt = new(StringComparer.Ordinal);

    public bool Contains(string gateway) => _endedAt.Count > 0 && _endedAt.ContainsKey(gateway);

    public void Add(string gateway, long nowMicros) => _endedAt[gateway] = nowMicros;

    /// <summary>Forgets those that ended before a moment.</summary>
    public void Drop(long beforeMicros)
    {
        foreach (var (gateway, at) in _endedAt)
        {
            if (at < beforeMicros)
                _endedAt.Remove(gateway);
        }
    }
}
