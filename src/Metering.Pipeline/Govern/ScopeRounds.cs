namespace Metering.Pipeline.Govern;

/// <summary>
/// Every scope is looked at once a second, each at its own moment of it, so that the samples and decisions of thousands of scopes do not
/// make one commit in twenty many times as long as the others. Of one task.
/// </summary>
internal sealed class ScopeRounds
{
    /// <summary>A slice each 50 ms, as often as a task commits by default; who commits less often takes several at once.</summary>
    public const int Slices = 20;

    private const long SliceMicros = 1_000_000 / Slices;

    private readonly List<ScopeState>[] _scopes = [.. Enumerable.Range(0, Slices).Select(static _ => new List<ScopeState>())];
    private readonly int[] _looks = new int[Slices];
    private long _lookedAt;
    private int _next, _due;

    /// <summary>Gives a scope its moment.</summary>
    public void Add(ScopeState scope)
    {
        scope.Slice = _next;
        _next = (_next + 1) % Slices;
        _scopes[scope.Slice].Add(scope);
    }

    /// <summary>A commit begins: what is due at this time, Unix µs, which never goes back.</summary>
    public void Begin(long nowMicros)
    {
        var at = nowMicros / SliceMicros;
        _due = (int)Math.Min(at - _lookedAt, Slices);
        _lookedAt = at;
    }

    /// <summary>Whether the scope is among those of <see cref="Due"/>.</summary>
    public bool IsDue(ScopeState scope) => (_lookedAt - scope.Slice) % Slices < _due;

    /// <summary>The scopes that are due, and how many looks at them there were before; a scope may go while it is looked at.</summary>
    public IEnumerable<(ScopeState Scope, int Look)> Due()
    {
        for (var i = _due - 1; i >= 0; i--)
        {
            var slice = (int)((_lookedAt - i) % Slices);
            var scopes = _scopes[slice];
            var look = _looks[slice]++;
            for (var s = scopes.Count - 1; s >= 0; s--)
            {
                if (!scopes[s].IsGone)
                    yield return (scopes[s], look);
                if (!scopes[s].IsGone)
                    continue;
                scopes[s] = scopes[^1];
                scopes.RemoveAt(scopes.Count - 1);
            }
        }
    }
}
