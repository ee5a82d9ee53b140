namespace Metering.Core.Policies;

/// <summary>What a request is told apart by: an event's fields in METER, a call's in a gateway. Implemented by structs, so that
/// matching one costs no garbage.</summary>
public interface IRequestDimensions
{
    /// <summary>The request's value, UTF-8; empty when it has none, and then no policy that names the dimension fits.</summary>
    ReadOnlySpan<byte> ValueOf(PolicyDimension dimension);
}

/// <summary>A request's dimensions as names in memory that live as long as the call that matches them.</summary>
public readonly ref struct RequestDimensions : IRequestDimensions
{
    public ReadOnlySpan<byte> Tenant { get; init; }

    /// <summary>The API key's id, never its secret.</summary>
    public ReadOnlySpan<byte> Key { get; init; }

    /// <summary>As the request asks for it.</summary>
    public ReadOnlySpan<byte> Model { get; init; }

    public ReadOnlySpan<byte> Route { get; init; }

    public ReadOnlySpan<byte> Pool { get; init; }

    /// <summary>Names and values, UTF-8. Of one name that stands twice the last counts, as in events.</summary>
    public ReadOnlySpan<KeyValuePair<byte[], byte[]>> Tags { get; init; }

    public ReadOnlySpan<byte> ValueOf(PolicyDimension dimension) => dimension.Kind switch
    {
        DimensionKind.Tenant => Tenant,
        DimensionKind.Key => Key,
        DimensionKind.Model => Model,
        DimensionKind.Route => Route,
        DimensionKind.Pool => Pool,
        _ => TagOf(dimension.TagName),
    };

    private ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> name)
    {
        for (var i = Tags.Length - 1; i >= 0; i--)
        {
            if (name.SequenceEqual(Tags[i].Key))
                return Tags[i].Value;
        }
        return default;
    }
}
