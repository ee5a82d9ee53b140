using Metering.Core.Policies;
using Metering.Core.Usage;
using Metering.Events;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>
/// Adds events to the scopes that are summed up only because policies name them. While no policy does, an event costs one
/// comparison; with such policies it costs their look-ups and, in each scope, a cell, and no garbage. Of one task.
/// </summary>
internal sealed class PolicyUsage(MeterContext context, UsageTable table)
{
    private readonly ExtraScopeNames _names = new();

    /// <returns>What the event adds to the interval's deltas, in bytes, about: nothing when others were like it.</returns>
    public int Add(in TokenEventView e, UsageTime time, in UsageSums sums) =>
        context.Policies.ExtraScopes is { } extra ? Add(extra, e, time, sums) : 0;

    private int Add(ExtraScopes extra, in TokenEventView e, UsageTime time, in UsageSums sums)
    {
        extra.Find(new EventDimensions(e), _names);
        var bytes = 0;
        for (var i = 0; i < _names.Count; i++)
        {
            if (table.AddScope(time, _names[i], sums))
                bytes += UsageTable.DeltaBytes + (3 * _names[i].Length);
        }
        return bytes;
    }
}

/// <summary>What policies tell an event apart by.</summary>
internal readonly ref struct EventDimensions(in TokenEventView e) : IRequestDimensions
{
    private readonly ReadOnlySpan<byte> _tenant = e.Tenant, _key = e.ApiKey, _model = e.Model, _route = e.Route, _pool = e.Pool;
    private readonly MapView<ReadOnlySpan<byte>, StringElement> _tags = e.Tags;

    public ReadOnlySpan<byte> ValueOf(PolicyDimension dimension) => dimension.Kind switch
    {
        DimensionKind.Tenant => _tenant,
        DimensionKind.Key => _key,
        DimensionKind.Model => _model,
        DimensionKind.Route => _route,
        DimensionKind.Pool => _pool,
        _ => TagOf(dimension.TagName),
    };

    // Of a name that stands twice the last counts.
    private ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> value = default;
        foreach (var tag in _tags)
        {
            if (name.SequenceEqual(tag.Key))
                value = tag.Value;
        }
        return value;
    }
}
