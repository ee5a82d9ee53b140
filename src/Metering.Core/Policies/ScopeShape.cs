using System.Buffers;
using System.Text;
using Metering.Core.Usage;

namespace Metering.Core.Policies;

/// <summary>How the scopes of a match are named: by parts that stand, such as <c>tenant=acme,blue</c>, and by parts that take the
/// request's own value. Immutable; any thread.</summary>
internal sealed class ScopeShape
{
    private readonly (PolicyDimension Dimension, byte[]? Fixed)[] _parts;

    private ScopeShape((PolicyDimension Dimension, byte[]? Fixed)[] parts) => _parts = parts;

    /// <summary>Every request that fits has this one; null when some part is the request's own.</summary>
    public byte[]? Fixed => Array.TrueForAll(_parts, static part => part.Fixed is not null) ? Join(static part => part.Fixed!) : null;

    /// <summary>Two of the same have the same scopes: <c>tenant/pool</c> for own values.</summary>
    public string Text => Encoding.UTF8.GetString(Join(static part => part.Fixed ?? part.Dimension.Utf8));

    /// <summary>Bytes that the parts take which are not a request's own.</summary>
    public int FixedBytes => _parts.Sum(static part => part.Fixed?.Length ?? 0);

    /// <param name="isOwn">Which conditions name the request's own value; <c>each</c> always does.</param>
    public static ScopeShape Of(MatchCondition[] conditions, Func<MatchCondition, bool> isOwn) =>
        new([.. conditions.Select(condition => (condition.Dimension, condition.IsEach || isOwn(condition) ? null : FixedPart(condition)))]);

    /// <summary>Room for a request's name, at least what it takes.</summary>
    public int RoomFor<TRequest>(scoped in TRequest request)
        where TRequest : IRequestDimensions, allows ref struct
    {
        var room = 1;
        foreach (var (dimension, fixedPart) in _parts)
            room += 2 + (fixedPart?.Length ?? dimension.Utf8.Length + (3 * request.ValueOf(dimension).Length));
        return room;
    }

    /// <summary>Writes a request's scope name, UTF-8; the request has a value for each part.</summary>
    /// <returns>How many bytes.</returns>
    public int Write<TRequest>(scoped in TRequest request, Span<byte> buffer)
        where TRequest : IRequestDimensions, allows ref struct
    {
        if (_parts.Length == 0)
        {
            ScopeName.All.CopyTo(buffer);
            return ScopeName.All.Length;
        }
        var length = 0;
        foreach (var (dimension, fixedPart) in _parts)
        {
            if (length > 0)
                buffer[length++] = (byte)'/';
            var name = new ScopeName(buffer[length..]);
            if (fixedPart is null)
                name.Set(dimension.Utf8, request.ValueOf(dimension));
            else
                fixedPart.CopyTo(buffer[length..]);
            length += fixedPart?.Length ?? name.Utf8.Length;
        }
        return length;
    }

    /// <summary>Whether a name is one that <see cref="Write"/> gives.</summary>
    public bool IsNameOf(ReadOnlySpan<byte> scope)
    {
        if (_parts.Length == 0)
            return scope.SequenceEqual(ScopeName.All);
        for (var i = 0; i < _parts.Length; i++)
        {
            var end = scope.IndexOf((byte)'/');
            if (end < 0 != (i == _parts.Length - 1) || !IsPart(_parts[i].Dimension, _parts[i].Fixed, end < 0 ? scope : scope[..end]))
                return false;
            scope = scope[(end + 1)..];
        }
        return true;
    }

    private static bool IsPart(PolicyDimension dimension, byte[]? fixedPart, ReadOnlySpan<byte> part)
    {
        if (fixedPart is not null)
            return part.SequenceEqual(fixedPart);
        var name = dimension.Utf8.Length;
        return part.Length > name + 1 && part.StartsWith(dimension.Utf8) && part[name] == '=' && !part[(name + 1)..].Contains((byte)',');
    }

    private static byte[] FixedPart(MatchCondition condition)
    {
        var room = condition.Dimension.Utf8.Length + 1 + condition.Values.Sum(static value => 1 + (3 * value.Length));
        var buffer = ArrayPool<byte>.Shared.Rent(room);
        var name = new ScopeName(buffer);
        name.Set(condition.Dimension.Utf8, condition.Values[0]);
        foreach (var value in condition.Values.AsSpan(1))
            name.Share(value);
        var part = name.Utf8.ToArray();
        ArrayPool<byte>.Shared.Return(buffer);
        return part;
    }

    private byte[] Join(Func<(PolicyDimension Dimension, byte[]? Fixed), byte[]> textOf)
    {
        if (_parts.Length == 0)
            return ScopeName.All.ToArray();
        var joined = new List<byte>();
        foreach (var part in _parts)
        {
            if (joined.Count > 0)
                joined.Add((byte)'/');
            joined.AddRange(textOf(part));
        }
        return [.. joined];
    }
}
