using System.Text;
using Metering.Events;

namespace Metering.Pipeline.Govern;

/// <summary>
/// What a task has published on <c>control</c> and not taken back: its last word on each key, kept in the changelog so that a
/// takeover says nothing twice and forgets nothing. Versions only grow, also over a tombstone and a failover (R24).
/// </summary>
internal sealed class DecisionBook(int schemaId)
{
    private readonly Dictionary<string, Decision> _published = new(StringComparer.Ordinal);
    private readonly List<DecisionChange> _changes = [];
    private readonly PooledBuffer _encoded = new();
    private readonly StringPool _strings = new(1_024);
    /// <summary>The last that was given, kept with the state.</summary>
    public long Version { get; set; }

    public int Count => _published.Count;

    public IReadOnlyCollection<Decision> Published => _published.Values;

    /// <summary>Changes since the last commit; null = taken back.</summary>
    public IReadOnlyList<DecisionChange> Changes => _changes;

    public Decision? Find(string key) => _published.GetValueOrDefault(key);

    /// <summary>Publishes a decision unless it says what is said already.</summary>
    public void Say(Decision decision, long nowMicros)
    {
        if (_published.TryGetValue(decision.Key, out var before) && SoftDecisions.AreEqual(before, decision))
            return;
        decision.Version = NextVersion(nowMicros);
        _published[decision.Key] = decision;
        _changes.Add(new DecisionChange(decision.Key, decision, IsDivision: before is not null && SoftDecisions.AreSame(before, decision)));
    }

    /// <summary>Publishes a decision that has its version already, in place of the last one of its key.</summary>
    public void Replace(Decision decision)
    {
        Version = Math.Max(Version, decision.Version);
        _published[decision.Key] = decision;
        _changes.Add(new DecisionChange(decision.Key, decision, IsDivision: false));
    }

    public void TakeBack(string key)
    {
        if (_published.Remove(key))
            _changes.Add(new DecisionChange(key, null, IsDivision: false));
    }

    /// <summary>R24: larger than any before, of this governor and of those before it.</summary>
    public long NextVersion(long nowMicros) => Version = Math.Max(Version + 1, nowMicros);

    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var name = Encoding.UTF8.GetString(key[1..]);
        if (value.IsEmpty)
        {
            _published.Remove(name);
            return;
        }
        var decision = new Decision();
        if (Decision.TryRead(value[WireFormat.HeaderBytes..], _strings, decision, out var field) is var error && error != DecodeError.None)
            throw new InvalidDataException($"GOVERN's changelog holds a decision that cannot be read: {error} at {field}");
        _published[name] = decision;
    }

    public void Save(GovernState.Save save)
    {
        foreach (var (key, decision, _) in _changes)
            save(StateKey(key), decision is null ? [] : Encode(decision));
        _changes.Clear();
    }

    public ReadOnlySpan<byte> Encode(Decision decision)
    {
        _encoded.Clear();
        WireFormat.Write(_encoded, schemaId, decision);
        return _encoded.WrittenSpan;
    }

    private static byte[] StateKey(string key) => [GovernState.Decision, .. Encoding.UTF8.GetBytes(key)];
}

/// <param name="Decision">Null = taken back.</param>
/// <param name="IsDivision">It says what it said before, divided among gateways in another way: of no interest to the ledger.</param>
internal readonly record struct DecisionChange(string Key, Decision? Decision, bool IsDivision);
