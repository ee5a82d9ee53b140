using Metering.Core.Keys;
using Metering.Core.Policies;

namespace Metering.Cli.Policies;

/// <summary>
/// Whether what policies name has been seen: a tenant or a key that the topic <c>keys</c> has, a model that the topic
/// <c>prices</c> has (also without its leading <c>provider/</c> parts, as prices are found). Routes, pools and tags are free.
/// </summary>
internal sealed class SeenNames(IReadOnlyList<ApiKey> keys, IReadOnlyCollection<string> models)
{
    private readonly HashSet<string> _tenants = [.. keys.Select(static key => key.Tenant)];
    private readonly HashSet<string> _keys = [.. keys.Select(static key => key.Id)];
    private readonly HashSet<string> _models = [.. models];

    /// <summary>One sentence a name that was never seen.</summary>
    public IReadOnlyList<string> Unseen(IReadOnlyList<Policy> policies) =>
    [
        .. policies.SelectMany(policy => policy.Match.Concat(policy.Except).SelectMany(match => match.Values.Select(value => (policy.Name, match.Dimension, value))))
            .Concat(policies.SelectMany(static policy => policy.Steps.Where(static step => step.ToModel is not null).Select(step => (policy.Name, Dimension: "model", value: step.ToModel!))))
            .Where(named => !IsSeen(named.Dimension, named.value))
            .Select(static named => $"policy {Shown.Of(named.Name)}: the {named.Dimension} {Shown.Of(named.value)} was never seen: no {(named.Dimension == "model" ? "price has it" : "key has it")}"),
    ];

    private bool IsSeen(string dimension, string value) => dimension switch
    {
        "tenant" => _tenants.Contains(value),
        "key" => _keys.Contains(value),
        "model" => IsModelSeen(value),
        _ => true,
    };

    private bool IsModelSeen(string model)
    {
        for (var name = model; ; name = name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..])
        {
            if (_models.Contains(name))
                return true;
            if (!name.Contains('/', StringComparison.Ordinal))
                return false;
        }
    }
}
