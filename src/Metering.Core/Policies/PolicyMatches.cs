namespace Metering.Core.Policies;

/// <param name="Scope">The account that the request belongs to.</param>
/// <param name="IsExcepted">The request is let through, and counts.</param>
public readonly record struct PolicyMatched(Policy Policy, PolicyScope Scope, bool IsExcepted);

/// <summary>What <see cref="PolicyMatcher.Match"/> found. Keep one for many requests, one at a time: it grows once.</summary>
public sealed class PolicyMatches
{
    private PolicyMatched[] _found = new PolicyMatched[8];

    public int Count { get; private set; }

    /// <summary>Valid until the next match.</summary>
    public ReadOnlySpan<PolicyMatched> All => _found.AsSpan(0, Count);

    internal List<MatchRule> Rules { get; } = [];

    public void Clear()
    {
        Count = 0;
        Rules.Clear();
    }

    internal void Add(PolicyMatched matched)
    {
        if (Count == _found.Length)
            Array.Resize(ref _found, 2 * Count);
        _found[Count++] = matched;
    }
}
