using Metering.Cli.Tests.Tidy;
using YamlDotNet.RepresentationModel;

namespace Metering.Cli.Tests.Compose;

/// <summary>docker-compose.yml as it is written.</summary>
internal static class ComposeFile
{
    private static readonly YamlMappingNode Document = Load();

    public static IReadOnlyDictionary<string, YamlMappingNode> Services { get; } =
        Map(Document, "services").ToDictionary(s => s.Name, s => (YamlMappingNode)s.Value, StringComparer.Ordinal);

    public static IReadOnlyList<string> Volumes { get; } = [.. Map(Document, "volumes").Select(v => v.Name)];

    /// <summary>The entries of a mapping below a node; none when it is not there.</summary>
    public static IEnumerable<(string Name, YamlNode Value)> Map(YamlMappingNode node, string key) =>
        Find(node, key) is YamlMappingNode map
            ? map.Children.Select(c => (((YamlScalarNode)c.Key).Value!, c.Value))
            : [];

    /// <summary>The texts of a list below a node; none when it is not there.</summary>
    public static IEnumerable<string> Texts(YamlMappingNode node, string key) =>
        Find(node, key) is YamlSequenceNode list ? list.Children.Select(c => ((YamlScalarNode)c).Value!) : [];

    public static string? Text(YamlMappingNode node, string key) => (Find(node, key) as YamlScalarNode)?.Value;

    public static YamlNode? Find(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null;

    public static Dictionary<string, string> Environment(string service) =>
        Map(Services[service], "environment").ToDictionary(e => e.Name, e => ((YamlScalarNode)e.Value).Value!, StringComparer.Ordinal);

    private static YamlMappingNode Load()
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Checkout.Text("docker-compose.yml")));
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }
}
