using System.Collections.Concurrent;
using System.Text;

namespace Metering.Core.Policies;

/// <summary>The account that a policy's limit lives under, by its name: <c>*</c>, <c>tenant=acme</c>, <c>tenant=acme,blue</c>,
/// <c>tenant=acme/model=gpt-4o</c>. Keys of <c>usage-deltas</c> and scopes of decisions are the same names.</summary>
public sealed class PolicyScope : IEquatable<PolicyScope>
{
    internal PolicyScope(byte[] utf8) => (Utf8, Text) = (utf8, Encoding.UTF8.GetString(utf8));

    public ReadOnlyMemory<byte> Utf8 { get; }

    public string Text { get; }

    public bool Equals(PolicyScope? other) => other is not null && string.Equals(Text, other.Text, StringComparison.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as PolicyScope);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;
}

/// <summary>Scopes that requests have made, found again by their names without garbage. A flood of names empties it. Any thread.</summary>
internal sealed class ScopeCache(int mostScopes = 1 << 16)
{
    private readonly ConcurrentDictionary<byte[], PolicyScope> _scopes = new(Utf8Comparer.Instance);
    private int _count;

    public PolicyScope Of(ReadOnlySpan<byte> utf8)
    {
        if (_scopes.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(utf8, out var known))
            return known;
        // The dictionary's own count takes all its locks.
        if (Interlocked.Increment(ref _count) > mostScopes)
        {
            _scopes.Clear();
            Interlocked.Exchange(ref _count, 1);
        }
        var name = utf8.ToArray();
        return _scopes.GetOrAdd(name, static made => new PolicyScope(made));
    }
}
