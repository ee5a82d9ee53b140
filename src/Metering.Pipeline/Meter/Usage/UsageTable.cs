using System.Text;
using Metering.Core.Usage;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>
/// Combines an interval's events into sums per scope and second. An event is added to four cells (tenant and model, tenant
/// and route, key, pool), whatever the others are, so that a tenant that sends most events costs no more than many that share
/// them; the wider scopes follow from these at the interval's end. It keeps nothing from one interval to the next but names.
/// </summary>
/// <param name="mostBytes">What names and scopes may take from one interval to the next; more have come by a flood, and are made
/// again when they are needed.</param>
internal sealed class UsageTable(long mostBytes = 16 << 20)
{
    /// <summary>What one cell's delta takes, beside names.</summary>
    public const int DeltaBytes = 256;

    // Two objects and a place in the dictionary.
    private const int BytesPerScope = 128;

    private readonly UsageCells _cells = new();
    private readonly UsageCells _wider = new();
    private readonly Dictionary<ulong, (byte[] Utf8, string Text)> _scopes = [];
    private readonly byte[] _name = new byte[ScopeName.MaxBytes];
    private long _scopeBytes;

    public NameTable Names { get; } = new();

    /// <summary>Adds an event; its names by their numbers in <see cref="Names"/>, 0 = none.</summary>
    /// <returns>How many new cells it made.</returns>
    public int Add(UsageTime time, int tenant, int model, int route, int apiKey, int pool, in UsageSums sums)
    {
        var before = _cells.Count;
        _cells.Add(new UsageKey(UsageKind.TenantModel, tenant, model, time), sums);
        if (route != 0)
            _cells.Add(new UsageKey(UsageKind.TenantRoute, tenant, route, time), sums);
        if (apiKey != 0)
            _cells.Add(new UsageKey(UsageKind.ApiKey, apiKey, 0, time), sums);
        if (pool != 0)
            _cells.Add(new UsageKey(UsageKind.Pool, pool, 0, time), sums);
        return _cells.Count - before;
    }

    /// <summary>Adds an event to one more scope, by its name, which is none of those that <see cref="Add"/> adds to.</summary>
    /// <returns>True when it made a new cell.</returns>
    public bool AddScope(UsageTime time, ReadOnlySpan<byte> scope, in UsageSums sums)
    {
        var before = _cells.Count;
        _cells.Add(new UsageKey(UsageKind.Named, Names.NumberOf(scope), 0, time), sums);
        return _cells.Count > before;
    }

    /// <summary>Adds up the wider scopes, hands each scope's sums to <paramref name="send"/>, and begins anew. All numbers are
    /// void afterwards if too many names have come: <see cref="BlockNumbers"/> must not outlive an interval.</summary>
    public void Drain(UsageSender send)
    {
        foreach (ref readonly var cell in _cells.All)
            Widen(cell);
        foreach (ref readonly var cell in _cells.All)
            Send(cell, send);
        foreach (ref readonly var cell in _wider.All)
            Send(cell, send);
        _cells.Clear();
        _wider.Clear();
        if (Names.Bytes + _scopeBytes <= mostBytes)
            return;
        Names.Clear();
        _scopes.Clear();
        _scopeBytes = 0;
    }

    // Each event is in one cell of tenant and model.
    private void Widen(in UsageCell cell)
    {
        var (first, second, time) = (cell.Key.First, cell.Key.Second, cell.Key.Time);
        switch (cell.Key.Kind)
        {
            case UsageKind.TenantModel:
                _wider.Add(new UsageKey(UsageKind.All, 0, 0, time), cell.Sums);
                _wider.Add(new UsageKey(UsageKind.Tenant, first, 0, time), cell.Sums);
                if (second != 0)
                    _wider.Add(new UsageKey(UsageKind.Model, second, 0, time), cell.Sums);
                break;
            case UsageKind.TenantRoute:
                _wider.Add(new UsageKey(UsageKind.Route, second, 0, time), cell.Sums);
                break;
        }
    }

    private void Send(in UsageCell cell, UsageSender send)
    {
        if (cell.Key is { Kind: UsageKind.TenantModel, Second: 0 })
            return;
        if (!_scopes.TryGetValue(cell.Key.Scope, out var scope))
        {
            _scopes.Add(cell.Key.Scope, scope = NameOf(cell.Key));
            _scopeBytes += (3L * scope.Utf8.Length) + BytesPerScope;
        }
        send(scope.Utf8, scope.Text, cell);
    }

    private (byte[] Utf8, string Text) NameOf(UsageKey key)
    {
        if (key.Kind == UsageKind.All)
            return (ScopeName.All.ToArray(), "*");
        if (key.Kind == UsageKind.Named)
            return (Names[key.First].ToArray(), Encoding.UTF8.GetString(Names[key.First]));
        var name = new ScopeName(_name);
        name.Set(key.Kind switch
        {
            UsageKind.Model => "model"u8,
            UsageKind.Route => "route"u8,
            UsageKind.ApiKey => "key"u8,
            UsageKind.Pool => "pool"u8,
            _ => "tenant"u8,
        }, Names[key.First]);
        if (key.Kind is UsageKind.TenantModel or UsageKind.TenantRoute)
            name.Narrow(key.Kind == UsageKind.TenantModel ? "model"u8 : "route"u8, Names[key.Second]);
        return (name.Utf8.ToArray(), Encoding.UTF8.GetString(name.Utf8));
    }
}

/// <param name="scope">UTF-8.</param>
/// <param name="text">The same.</param>
internal delegate void UsageSender(byte[] scope, string text, in UsageCell cell);
