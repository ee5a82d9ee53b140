using Metering.Registry.Compatibility;

namespace Metering.Registry.Tests.Compatibility;

/// <summary>
/// Today's schemas against their last released copies in <c>schemas/released</c>, which a release replaces. FULL: old
/// records lie in topics for days and dead letters for two weeks, so the new must read the old; and fleets are upgraded
/// piece by piece, publishers in other teams' programs and readers in other languages at their own time, so the old must
/// read the new.
/// </summary>
public sealed class ReleasedSchemasTests
{
    public static TheoryData<string> Names() => [.. Directory.GetFiles(Folder(), "*.avsc").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_schema_is_compatible_with_its_last_released_copy_both_ways(string name)
    {
        var released = Path.Combine(Folder(), "released", name);
        Assert.SkipUnless(File.Exists(released), $"skipped: {name} was never released");
        var result = CompatibilityChecker.Check(CompatibilityLevel.FullTransitive, File.ReadAllText(Path.Combine(Folder(), name)), [File.ReadAllText(released)]);
        Assert.True(result.IsCompatible, $"{name} breaks with its released copy:{Environment.NewLine}{string.Join(Environment.NewLine, result.Messages)}");
    }

    [Fact]
    public void No_released_schema_has_disappeared() =>
        Assert.All(Directory.GetFiles(Path.Combine(Folder(), "released"), "*.avsc"), file => Assert.True(File.Exists(Path.Combine(Folder(), Path.GetFileName(file))), $"{Path.GetFileName(file)} was released, and programs read it: bring it back"));

    [Theory]
    [InlineData("\"name\": \"tenant\", \"type\": \"string\"", "\"name\": \"tenant\", \"type\": \"long\"", "tenant")]
    [InlineData("\"name\": \"request_id\", \"type\": \"string\"", "\"name\": \"request\", \"type\": \"string\"", "request")]
    [InlineData("\"name\": \"attempt\", \"type\": \"int\"", "\"name\": \"attempt\", \"type\": \"long\"", "attempt")]
    public void A_breaking_change_of_a_schema_is_found_and_named(string before, string after, string place)
    {
        var released = File.ReadAllText(Path.Combine(Folder(), "released", "token-event.avsc"));
        Assert.Contains(before, released);
        var result = CompatibilityChecker.Check(CompatibilityLevel.FullTransitive, released.Replace(before, after, StringComparison.Ordinal), [released]);
        Assert.False(result.IsCompatible);
        Assert.Contains(result.Messages, message => message.Contains(place, StringComparison.Ordinal));
    }

    private static string Folder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
                return Path.Combine(folder.FullName, "schemas");
        }
        throw new InvalidOperationException($"no checkout above {AppContext.BaseDirectory}");
    }
}
