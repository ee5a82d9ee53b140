using Metering.Schemas.Json;
using Metering.Schemas.Model;

namespace Metering.Schemas.Emit;

/// <summary>
/// A nested record's schema as a schema of its own: its namespace written out, and types that were defined before it
/// in the file defined where it first uses them.
/// </summary>
internal static class SelfContained
{
    public static JsonValue Of(AvroType record, List<AvroType> types) =>
        Expand(record.Json!, Space(record.FullName), types, new HashSet<string>(), isDefinition: true);

    private static JsonValue Expand(JsonValue type, string space, List<AvroType> types, HashSet<string> defined, bool isDefinition = false)
    {
        switch (type.Kind)
        {
            case JsonKind.String:
                var full = type.Text.IndexOf('.') >= 0 || space.Length == 0 ? type.Text : space + "." + type.Text;
                var named = types.Find(candidate => candidate.FullName == full);
                return named?.Json is null || defined.Contains(full)
                    ? type
                    : Expand(named.Json, Space(full), types, defined, isDefinition: true);
            case JsonKind.Array:
                var union = JsonValue.Of(JsonKind.Array);
                foreach (var item in type.Items)
                    union.Items.Add(Expand(item, space, types, defined));
                return union;
            case JsonKind.Object:
                return ExpandObject(type, space, types, defined, isDefinition);
            default:
                return type;
        }
    }

    private static JsonValue ExpandObject(JsonValue type, string space, List<AvroType> types, HashSet<string> defined, bool isDefinition)
    {
        var result = JsonValue.Of(JsonKind.Object);
        var isNamed = type.FindText("type") is "record" or "enum";
        if (isNamed)
        {
            space = type.FindText("namespace") ?? space;
            var name = type.FindText("name")!;
            defined.Add(name.IndexOf('.') >= 0 || space.Length == 0 ? name : space + "." + name);
        }
        foreach (var member in type.Members)
        {
            result.Members.Add(new KeyValuePair<string, JsonValue>(member.Key, member.Key switch
            {
                "items" or "values" => Expand(member.Value, space, types, defined),
                "type" when !isNamed => Expand(member.Value, space, types, defined),
                "fields" => ExpandFields(member.Value, space, types, defined),
                _ => member.Value,
            }));
            if (isDefinition && member.Key == "name" && type.Find("namespace") is null && space.Length > 0)
                result.Members.Add(new KeyValuePair<string, JsonValue>("namespace", JsonValue.String(space)));
        }
        return result;
    }

    private static JsonValue ExpandFields(JsonValue fields, string space, List<AvroType> types, HashSet<string> defined)
    {
        var result = JsonValue.Of(JsonKind.Array);
        foreach (var field in fields.Items)
        {
            var expanded = JsonValue.Of(JsonKind.Object);
            foreach (var member in field.Members)
            {
                expanded.Members.Add(new KeyValuePair<string, JsonValue>(
                    member.Key, member.Key == "type" ? Expand(member.Value, space, types, defined) : member.Value));
            }
            result.Items.Add(expanded);
        }
        return result;
    }

    private static string Space(string fullName) => fullName.LastIndexOf('.') is > 0 and var dot ? fullName.Substring(0, dot) : "";
}
