using Metering.Registry.Compatibility;

namespace Metering.Registry.Store;

/// <summary>A schema under its global id, and where it is registered.</summary>
internal sealed record StoredSchema(int Id, string Text)
{
    public List<SubjectVersion> Uses { get; } = [];
}

internal readonly record struct SubjectVersion(string Subject, int Version);

/// <summary>A version of a subject; versions count 1, 2, 3, … without a gap.</summary>
internal sealed record StoredVersion(string Subject, int Version, StoredSchema Schema);

/// <summary>What the log adds up to, in memory. Each text is kept once. Not thread-safe: the store guards it.</summary>
internal sealed class RegistryState
{
    private readonly SortedDictionary<string, List<StoredVersion>> _subjects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StoredSchema> _byText = new(StringComparer.Ordinal);
    private readonly List<StoredSchema> _byId = [];
    private readonly Dictionary<string, CompatibilityLevel> _levels = new(StringComparer.Ordinal);
    private CompatibilityLevel? _globalLevel;

    public const CompatibilityLevel DefaultLevel = CompatibilityLevel.Backward;

    public IEnumerable<string> Subjects => _subjects.Keys;

    public int SchemaCount => _byId.Count;

    public int NextId => _byId.Count + 1;

    public IReadOnlyList<StoredVersion>? VersionsOf(string subject) => _subjects.GetValueOrDefault(subject);

    public StoredSchema? ById(int id) => id >= 1 && id <= _byId.Count ? _byId[id - 1] : null;

    public StoredSchema? ByText(string text) => _byText.GetValueOrDefault(text);

    public CompatibilityLevel? LevelOf(string? subject) =>
        subject is null ? _globalLevel ?? DefaultLevel : _levels.TryGetValue(subject, out var level) ? level : null;

    public CompatibilityLevel EffectiveLevel(string subject) => LevelOf(subject) ?? _globalLevel ?? DefaultLevel;

    /// <exception cref="RegistryCorruptException">The entry does not follow from those before it.</exception>
    public void Apply(LogEntry entry)
    {
        switch (entry)
        {
            case RegisteredEntry registered:
                Apply(registered);
                break;
            case LevelEntry { Subject: null } global:
                _globalLevel = global.Level;
                break;
            case LevelEntry { Level: { } level } set:
                _levels[set.Subject] = level;
                break;
            case LevelEntry taken:
                _levels.Remove(taken.Subject!);
                break;
        }
    }

    private void Apply(RegisteredEntry entry)
    {
        var schema = ById(entry.Id);
        if (schema is null && entry.Id == NextId && entry.Schema is not null && ByText(entry.Schema) is null)
        {
            schema = new StoredSchema(entry.Id, entry.Schema);
            _byId.Add(schema);
            _byText.Add(schema.Text, schema);
        }
        if (!_subjects.TryGetValue(entry.Subject, out var versions))
            _subjects.Add(entry.Subject, versions = []);
        if (schema is null || entry.Version != versions.Count + 1)
            throw new RegistryCorruptException($"the entry {entry.Subject} version {entry.Version} id {entry.Id} does not follow from those before it");
        versions.Add(new StoredVersion(entry.Subject, entry.Version, schema));
        schema.Uses.Add(new SubjectVersion(entry.Subject, entry.Version));
    }
}
