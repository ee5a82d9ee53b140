using Metering.Registry.Compatibility;
using Microsoft.Extensions.Logging;

namespace Metering.Registry.Store;

/// <summary>
/// Schemas, subjects and levels: in memory to read, on disk before a change is answered for. Safe from any thread: one
/// change at a time passes the gate (check, append, apply), reads only take the short lock on the state.
/// </summary>
public sealed class RegistryStore : IDisposable
{
    private static readonly CompatibilityResult Compatible = new(true, []);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Lock _lock = new();
    private readonly RegistryState _state = new();
    private readonly RegistryLog _log;

    private RegistryStore(string folder, ILogger logger) => _log = RegistryLog.Open(folder, _state.Apply, logger);

    /// <summary>Opens or creates the registry in a folder, which no other process may have open.</summary>
    /// <exception cref="IOException">Another process has the folder, or it cannot be written.</exception>
    /// <exception cref="RegistryCorruptException">The file is damaged where changes had been acknowledged.</exception>
    public static RegistryStore Open(string folder, ILogger logger) => new(folder, logger);

    public void Dispose()
    {
        _log.Dispose();
        _gate.Dispose();
    }

    internal T Read<T>(Func<RegistryState, T> read)
    {
        lock (_lock)
            return read(_state);
    }

    /// <summary>
    /// Registers a schema under a subject, or finds it there. What the subject has already is never checked again, so that
    /// a restarting publisher gets its id whatever the level has become.
    /// </summary>
    internal async Task<(StoredVersion? Version, CompatibilityResult Verdict, bool IsNew)> RegisterAsync(
        string subject, CandidateSchema schema, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            var (level, versions) = Read(state => (state.EffectiveLevel(subject), state.VersionsOf(subject)?.ToArray() ?? []));
            if (Array.FindLast(versions, schema.Is) is { } there)
                return (there, Compatible, false);
            var verdict = CompatibilityChecker.Check(level, schema.Schema, [.. versions.Select(v => (v.Version, v.Schema.Text))]);
            if (!verdict.IsCompatible)
                return (null, verdict, false);
            var (known, nextId) = Read(state => (state.ByText(schema.Text), state.NextId));
            Commit(new RegisteredEntry(subject, versions.Length + 1, known?.Id ?? nextId, known is null ? schema.Text : null));
            return (Read(state => state.VersionsOf(subject)![^1]), verdict, true);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Sets a level, or with null takes the setting back; a null subject is the global one.</summary>
    internal async Task SetLevelAsync(string? subject, CompatibilityLevel? level, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            Commit(new LevelEntry(subject, level));
        }
        finally
        {
            _gate.Release();
        }
    }

    // Disk first: a change that can be seen is one that stays.
    private void Commit(LogEntry entry)
    {
        _log.Append(entry);
        lock (_lock)
            _state.Apply(entry);
    }
}
