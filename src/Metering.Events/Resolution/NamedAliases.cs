using Newtonsoft.Json.Linq;

namespace Metering.Events;

/// <summary>The aliases of a schema's named types, which Apache.Avro's model keeps to itself.</summary>
internal static class NamedAliases
{
    /// <summary>Full name of each named type to the full names of its aliases.</summary>
    public static Dictionary<string, HashSet<string>> Collect(string schemaJson)
    {
        var found = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        // A schema may be a bare name, which need not be quoted for Apache.Avro.
        if (schemaJson.AsSpan().TrimStart() is ['{' or '[', ..])
            Walk(JToken.Parse(schemaJson), "", found);
        return found;
    }

    private static void Walk(JToken? schema, string space, Dictionary<string, HashSet<string>> found)
    {
        if (schema is JArray union)
        {
            foreach (var branch in union)
                Walk(branch, space, found);
        }
        if (schema is not JObject type)
            return;
        if (type["name"] is JValue { Value: string name } && type["type"] is JValue { Value: string })
        {
            space = type["namespace"]?.ToString() ?? space;
            var full = Full(name, space);
            space = full.LastIndexOf('.') is > 0 and var dot ? full[..dot] : "";
            if (type["aliases"] is JArray aliases)
                found[full] = aliases.Select(alias => Full(alias.ToString(), space)).ToHashSet(StringComparer.Ordinal);
        }
        foreach (var part in new[] { "type", "items", "values" })
            Walk(type[part] is JValue ? null : type[part], space, found);
        foreach (var field in type["fields"] as JArray ?? [])
            Walk(field["type"], space, found);
    }

    private static string Full(string name, string space) => name.Contains('.') || space.Length == 0 ? name : space + "." + name;
}
