using System.Reflection;
using System.Xml.Linq;
using NetArchTest.Rules;

namespace Metering.Cli.Tests.Tidy;

/// <summary>Which project may know which: the walls of docs/architecture.md.</summary>
public sealed class ArchitectureTests
{
    /// <summary>All that a project of src may refer to; what is not here refers to nothing of ours.</summary>
    private static readonly Dictionary<string, string[]> MayRefer = new(StringComparer.Ordinal)
    {
        ["Metering.Events"] = ["Metering.Schemas"],
        ["Metering.Client"] = ["Metering.Core", "Metering.Events", "Metering.Kafka"],
        ["Metering.Streamiz"] = ["Metering.Kafka"],
        ["Metering.Pipeline"] = ["Metering.Core", "Metering.Events", "Metering.Kafka", "Metering.ClickHouse"],
        ["Metering.Gateway"] = ["Metering.Core", "Metering.Events", "Metering.Client"],
        ["Metering.Cli"] =
        [
            "Metering.Core", "Metering.Events", "Metering.Client", "Metering.Kafka", "Metering.ClickHouse",
            "Metering.Pipeline", "Metering.Registry", "Metering.Server", "Metering.Streamiz", "Metering.LocalBroker", "Metering.Gateway",
        ],
    };

    [Fact]
    public void Projects_refer_only_to_those_they_may()
    {
        var breaches =
            from file in Checkout.Files
            where file.StartsWith("src/", StringComparison.Ordinal) && file.EndsWith(".csproj", StringComparison.Ordinal)
            let project = Path.GetFileNameWithoutExtension(file)
            from reference in XDocument.Parse(Checkout.Text(file)).Descendants("ProjectReference")
            let target = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'))
            where !MayRefer.GetValueOrDefault(project, []).Contains(target, StringComparer.Ordinal)
            select $"{project} refers to {target}";
        Assert.Empty(breaches);
    }

    [Theory]
    [InlineData("Metering.Core", "Confluent", "ClickHouse", "Metering.Events", "Metering.Kafka", "Metering.ClickHouse", "Microsoft.AspNetCore")]
    [InlineData("Metering.Events", "Confluent", "ClickHouse", "Metering.Kafka", "Microsoft.AspNetCore")]
    [InlineData("Metering.Kafka", "ClickHouse", "Metering.ClickHouse", "Metering.Events", "Metering.Pipeline")]
    [InlineData("Metering.LocalBroker", "Confluent", "ClickHouse", "Metering.Kafka", "Metering.Events", "Metering.Pipeline", "Microsoft.AspNetCore")]
    [InlineData("Metering.Streamiz", "ClickHouse", "Metering.ClickHouse", "Metering.Events", "Metering.Pipeline", "RocksDbSharp", "Newtonsoft")]
    [InlineData("Metering.ClickHouse", "Confluent", "Metering.Kafka", "Metering.Events", "Metering.Pipeline")]
    [InlineData("Metering.Client", "ClickHouse", "Metering.ClickHouse", "Metering.Pipeline", "Microsoft.AspNetCore")]
    [InlineData("Metering.Gateway", "Confluent", "ClickHouse", "Metering.ClickHouse", "Metering.Pipeline", "Metering.Server")]
    [InlineData("Metering.Pipeline", "Microsoft.AspNetCore", "Metering.Client", "Metering.Registry")]
    [InlineData("Metering.Registry", "Confluent", "ClickHouse", "Metering.Kafka", "Metering.Pipeline")]
    public void Types_know_nothing_beyond_their_walls(string project, params string[] forbidden)
    {
        var result = Types.InAssembly(Assembly.Load(project)).Should().NotHaveDependencyOnAny(forbidden).GetResult();
        Assert.True(result.IsSuccessful, $"in {project}: {string.Join(", ", result.FailingTypeNames ?? [])}");
    }

    /// <summary>No I/O and no clock of their own, so that they run in a test, in a simulation, or under another host.</summary>
    [Fact]
    public void Core_does_no_input_or_output_and_starts_no_thread()
    {
        var result = Types.InAssembly(Assembly.Load("Metering.Core")).Should()
            .NotHaveDependencyOnAny("System.IO.File", "System.Net", "System.Threading.Thread", "System.Threading.Timer", "System.Diagnostics.Process")
            .GetResult();
        Assert.True(result.IsSuccessful, string.Join(", ", result.FailingTypeNames ?? []));
    }
}
