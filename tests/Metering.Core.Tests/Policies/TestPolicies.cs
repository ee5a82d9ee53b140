using System.Text;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Core.Tests.Policies;

/// <summary>Valid policies to change one thing of, and requests to hold against them.</summary>
internal static class TestPolicies
{
    public static Policy Of(string name, params PolicyMatch[] match) => new()
    {
        Name = name,
        Match = match,
        Unit = LimitUnit.Tokens,
        Amount = 1_000,
        Per = LimitPeriod.Minute,
        Hard = true,
    };

    public static PolicyMatch Is(string dimension, params string[] values) => new(dimension, values);

    public static PolicyMatch Each(string dimension) => new(dimension, [], Each: true);

    /// <summary>A name and its scope for each policy that fits, in the order of names; <c>!</c> marks those that let it through.</summary>
    public static string[] Matched(this PolicyMatcher matcher, Request request)
    {
        var matches = new PolicyMatches();
        matcher.Match(request.Dimensions, matches);
        return [.. matches.All.ToArray().Select(one => $"{one.Policy.Name} {one.Scope.Text}{(one.IsExcepted ? " !" : "")}").Order(StringComparer.Ordinal)];
    }

    public static string[] Extra(this PolicyMatcher matcher, Request request)
    {
        var names = new ExtraScopeNames();
        matcher.ExtraScopes?.Find(request.Dimensions, names);
        return [.. Enumerable.Range(0, names.Count).Select(i => Encoding.UTF8.GetString(names[i]))];
    }
}

internal sealed class Request(string tenant = "", string key = "", string model = "", string route = "", string pool = "", params (string Name, string Value)[] tags)
{
    private readonly byte[] _tenant = Utf8(tenant), _key = Utf8(key), _model = Utf8(model), _route = Utf8(route), _pool = Utf8(pool);
    private readonly KeyValuePair<byte[], byte[]>[] _tags = [.. tags.Select(tag => KeyValuePair.Create(Utf8(tag.Name), Utf8(tag.Value)))];

    public RequestDimensions Dimensions => new() { Tenant = _tenant, Key = _key, Model = _model, Route = _route, Pool = _pool, Tags = _tags };

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
