using System.Text;
using System.Text.Json.Nodes;
using Metering.Cli.Policies;
using Metering.Cli.Tests.Prices;
using Metering.Core.Policies;

namespace Metering.Cli.Tests.Policies;

/// <summary>The JSON Schema and the examples beside it, held against what reads files.</summary>
public sealed class PolicySchemaTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "infra", "policies");
    private static readonly JsonNode Schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "policy.schema.json")))!;

    [Fact]
    public void Schema_has_every_field_of_the_reader_and_no_other()
    {
        Assert.Equal(PolicyFields.OfFile, Names(Schema));
        Assert.Equal(Sorted(PolicyFields.OfPolicy), Sorted(Names(Definition("policy"))));
        Assert.Equal(Sorted(PolicyFields.OfLimit), Sorted(Names(Definition("limit"))));
        Assert.Equal(Sorted(PolicyFields.OfStep), Sorted(Names(Definition("step"))));
        Assert.Equal(Sorted(PolicyDimension.Names), Sorted(Names(Definition("match"))));
        Assert.Equal(Sorted(PolicyDimension.Names), Sorted(Names(Definition("except"))));
        foreach (var closed in new[] { Schema, Definition("policy"), Definition("limit"), Definition("step"), Definition("match"), Definition("except") })
            Assert.False(closed["additionalProperties"]!.GetValue<bool>());
    }

    [Fact]
    public void Schema_has_every_word_of_the_reader_and_no_other()
    {
        Assert.Equal(Sorted(PolicyFields.Periods.Keys), Words("limit", PolicyFields.Per));
        Assert.Equal(Sorted(PolicyFields.Actions.Keys), Words("step", PolicyFields.Action));
        Assert.Equal(Sorted(PolicyFields.Modes.Keys), Words("policy", PolicyFields.Mode));
        Assert.Equal(Sorted(PolicyFields.LostControls.Keys), Words("policy", PolicyFields.WhenControlIsLost));
        Assert.Equal(Sorted(PolicyFields.Units.Keys), Sorted(Definition("limit")["oneOf"]!.AsArray().Select(one => one!["required"]![0]!.GetValue<string>())));
    }

    [Fact]
    public void Reader_knows_every_unit_period_action_and_rule_of_the_core()
    {
        Assert.Equal(Enum.GetValues<LimitUnit>().Order(), PolicyFields.Units.Values.Order());
        Assert.Equal(Enum.GetValues<Metering.Core.Windows.LimitPeriod>().Where(period => period != Metering.Core.Windows.LimitPeriod.None).Order(), PolicyFields.Periods.Values.Order());
        Assert.Equal(Enum.GetValues<StepAction>().Order(), PolicyFields.Actions.Values.Order());
        Assert.Equal(Enum.GetValues<LostControl>().Order(), PolicyFields.LostControls.Values.Order());
    }

    [Fact]
    public void Examples_are_those_that_everybody_asks_for()
    {
        var file = PolicyFile.Load(Path.Combine(Folder, "examples.yaml"));
        Assert.Empty(file.Warnings);
        Assert.Equal(
            [
                "cluster-rate: 800,000 tokens per second for *",
                "tenant-rate: 2,000 tokens per second for tenant=each",
                "tenant-under-way: 64 concurrent for tenant=each",
                "tenant-hourly-spend: 50 usd per hour for tenant=each",
                "key-daily-tokens: 5,000,000 tokens per day, hard for key=each",
            ],
            file.Policies.Select(policy => $"{policy.Name}: {PolicyText.LimitInWords(policy)} for {PolicyScopes.Describe(policy.Match)}"));
        Assert.Equal(file.Policies.Count, PolicyMatcher.Create(file.Policies).Policies.Count);
    }

    [Fact]
    public void Documentation_shows_a_file_that_is_read_and_names_every_field()
    {
        var docs = File.ReadAllText(Path.Combine(Repository.Root, "docs", "policies.md"));
        var yaml = docs.Split("```yaml\n")[1].Split("```")[0];
        Assert.Single(PolicyFile.Parse("docs", Encoding.UTF8.GetBytes(yaml)).Policies);
        Assert.All(PolicyFields.OfPolicy.Concat(PolicyFields.OfLimit).Concat(PolicyFields.OfStep).Except([PolicyFields.At, PolicyFields.Action]).Concat(PolicyFields.Actions.Keys).Concat(PolicyFields.LostControls.Keys),
            word => Assert.Contains($"`{word}", docs, StringComparison.Ordinal));
    }

    private static JsonNode Definition(string name) => Schema["$defs"]![name]!;

    private static IEnumerable<string> Names(JsonNode node) => node["properties"]!.AsObject().Select(property => property.Key);

    private static string[] Words(string definition, string field) => Sorted(Definition(definition)["properties"]![field]!["enum"]!.AsArray().Select(word => word!.GetValue<string>()));

    private static string[] Sorted(IEnumerable<string> names) => [.. names.Order(StringComparer.Ordinal)];
}
