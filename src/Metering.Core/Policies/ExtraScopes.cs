namespace Metering.Core.Policies;

/// <summary>
/// The scopes that METER adds up only because policies name them (<see cref="PolicyScopes.AreExtra(IReadOnlyList{PolicyMatch})"/>).
/// A scope that several policies name is found once an event. Immutable; any thread.
/// </summary>
public sealed class ExtraScopes
{
    private readonly RuleIndex _index;
    private readonly Dictionary<MatchRule, (int Number, ScopeShape Shape)> _shapes;

    private ExtraScopes(RuleIndex index, Dictionary<MatchRule, (int Number, ScopeShape Shape)> shapes) => (_index, _shapes) = (index, shapes);

    internal static ExtraScopes? Of(MatchRule[] rules)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var shapes = new Dictionary<MatchRule, (int Number, ScopeShape Shape)>(ReferenceEqualityComparer.Instance);
        foreach (var rule in rules)
        {
            if (rule.ExtraShape is not { } shape)
                continue;
            if (!numbers.TryGetValue(shape.Text, out var number))
                numbers.Add(shape.Text, number = numbers.Count);
            shapes.Add(rule, (number, shape));
        }
        return shapes.Count == 0 ? null : new ExtraScopes(new RuleIndex([.. shapes.Keys]), shapes);
    }

    /// <summary>Finds the event's extra scopes, each once.</summary>
    /// <param name="names">Cleared first.</param>
    public void Find<TRequest>(scoped in TRequest request, ExtraScopeNames names)
        where TRequest : IRequestDimensions, allows ref struct
    {
        names.Clear();
        _index.Find(request, names.Rules);
        foreach (var rule in names.Rules)
        {
            var (number, shape) = _shapes[rule];
            if (!names.TryBegin(number, shape.RoomFor(request), out var buffer))
                continue;
            names.End(shape.Write(request, buffer));
        }
    }
}

/// <summary>One event's extra scopes. Keep one for many events, one at a time: it grows once.</summary>
public sealed class ExtraScopeNames
{
    private readonly List<int> _shapes = [];
    private readonly List<int> _ends = [];
    private byte[] _names = new byte[256];

    public int Count => _ends.Count;

    /// <summary>A scope's name, UTF-8; valid until the next event.</summary>
    public ReadOnlySpan<byte> this[int number] => _names.AsSpan((number == 0 ? 0 : _ends[number - 1]).._ends[number]);

    internal List<MatchRule> Rules { get; } = [];

    internal void Clear()
    {
        _shapes.Clear();
        _ends.Clear();
        Rules.Clear();
    }

    internal bool TryBegin(int shape, int room, out Span<byte> buffer)
    {
        buffer = default;
        if (_shapes.Contains(shape))
            return false;
        _shapes.Add(shape);
        var from = _ends.Count == 0 ? 0 : _ends[^1];
        if (_names.Length - from < room)
            Array.Resize(ref _names, Math.Max(2 * _names.Length, from + room));
        buffer = _names.AsSpan(from);
        return true;
    }

    internal void End(int bytes) => _ends.Add((_ends.Count == 0 ? 0 : _ends[^1]) + bytes);
}
