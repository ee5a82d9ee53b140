using System.Text;

namespace Metering.Core.Policies;

/// <summary>What a policy can tell requests apart by, in the order in which dimensions stand in a scope's name.</summary>
public enum DimensionKind
{
    Tenant,
    Key,
    Model,
    Route,
    Pool,

    /// <summary>One tag of the request, by its name.</summary>
    Tag,
}

/// <summary>One dimension of a match: <c>tenant</c>, <c>key</c>, <c>model</c>, <c>route</c>, <c>pool</c> or <c>tag.NAME</c>.</summary>
public sealed class PolicyDimension
{
    /// <summary>The longest name of a tag, in bytes of UTF-8.</summary>
    public const int MaxTagNameBytes = 128;

    private const string TagPrefix = "tag.";

    private static readonly PolicyDimension[] Plain =
        [new(DimensionKind.Tenant, "tenant"), new(DimensionKind.Key, "key"), new(DimensionKind.Model, "model"), new(DimensionKind.Route, "route"), new(DimensionKind.Pool, "pool")];

    private readonly byte[] _tagName = [];

    private PolicyDimension(DimensionKind kind, string name) => (Kind, Name, Utf8) = (kind, name, Encoding.UTF8.GetBytes(name));

    private PolicyDimension(string tagName)
    {
        (Kind, Name) = (DimensionKind.Tag, TagPrefix + tagName);
        _tagName = Encoding.UTF8.GetBytes(tagName);
        Utf8 = Encoding.UTF8.GetBytes(TagPrefix + Escape(tagName));
    }

    /// <summary>The dimensions that have no name of their own, in order; for messages.</summary>
    public static IEnumerable<string> Names => Plain.Select(dimension => dimension.Name);

    public DimensionKind Kind { get; }

    /// <summary>As policies write it.</summary>
    public string Name { get; }

    /// <summary>The tag's name; empty for other dimensions.</summary>
    public ReadOnlySpan<byte> TagName => _tagName;

    /// <summary>As scopes write it: in a tag's name, what joins a scope's parts is escaped, = (as %3D) too.</summary>
    internal byte[] Utf8 { get; }

    /// <summary>The most bytes that a value of it has: as events bound it.</summary>
    internal int MaxValueBytes => Kind == DimensionKind.Tag ? 1024 : 512;

    /// <summary>Reads a name as it stands in a policy. Null when there is no such dimension.</summary>
    public static PolicyDimension? Find(string name)
    {
        foreach (var dimension in Plain)
        {
            if (string.Equals(dimension.Name, name, StringComparison.Ordinal))
                return dimension;
        }
        if (!name.StartsWith(TagPrefix, StringComparison.Ordinal) || !Utf8Text.IsValid(name, TagPrefix.Length + MaxTagNameBytes) || name.Length == TagPrefix.Length)
            return null;
        return new PolicyDimension(name[TagPrefix.Length..]);
    }

    /// <summary>Canonical order: by kind, tags by the bytes of their names.</summary>
    internal static int Compare(PolicyDimension one, PolicyDimension other) =>
        one.Kind != other.Kind ? one.Kind.CompareTo(other.Kind) : one.TagName.SequenceCompareTo(other.TagName);

    private static string Escape(string tagName) => tagName
        .Replace("%", "%25", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal).Replace("|", "%7C", StringComparison.Ordinal)
        .Replace(",", "%2C", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal);
}
