using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Metering.Registry.Compatibility;
using Metering.Testing;

namespace Metering.Registry.Tests.Compatibility;

/// <summary>The same table of changes, put to a real registry, whose verdicts are those of org.apache.avro.</summary>
public sealed class CompatibilityOracleTests
{
    [Fact]
    public async Task Check_agrees_with_a_real_registry_on_every_change_both_ways_at_every_level()
    {
        await using var real = await RegistryFixture.TryStartAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen(real is null, RegistryFixture.SkipReason);
        using var http = real.CreateClient();
        var differences = new List<string>();
        var asked = 0;
        foreach (var (before, after, name) in BothWays())
        {
            var subject = string.Create(CultureInfo.InvariantCulture, $"change-{asked}");
            await PostAsync(http, $"subjects/{subject}/versions", before);
            foreach (var level in Enum.GetValues<CompatibilityLevel>())
            {
                using var set = await http.PutAsJsonAsync($"config/{subject}", new { compatibility = level.ToWireName() });
                set.EnsureSuccessStatusCode();
                var theirs = (await PostAsync(http, $"compatibility/subjects/{subject}/versions/latest", after)).GetProperty("is_compatible").GetBoolean();
                var ours = CompatibilityChecker.Check(level, after, [before]).IsCompatible;
                asked++;
                if (theirs != ours)
                    differences.Add($"{name} at {level}: real registry {theirs}, ours {ours}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{asked} verdicts compared with the registry at {real.Url}");

        Assert.Empty(differences);
    }

    private static IEnumerable<(string Before, string After, string Name)> BothWays() => SchemaChange.All.SelectMany(change =>
        new[] { (change.Old, change.New, change.Name), (change.New, change.Old, change.Name + ", undone") });

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, string schema)
    {
        using var answer = await http.PostAsJsonAsync(path, new { schema });
        Assert.True(answer.IsSuccessStatusCode, $"{path} {answer.StatusCode}: {await answer.Content.ReadAsStringAsync()} for {schema}");
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }
}
