using System.Text.RegularExpressions;
using Metering.Cli.Settings;
using Metering.Cli.Tests.Tidy;
using static Metering.Cli.Tests.Compose.ComposeFile;

namespace Metering.Cli.Tests.Compose;

/// <summary>The image's recipe agrees with compose, with the program's settings and with the files it copies.</summary>
public sealed partial class ImageTests
{
    private const string Recipe = "infra/docker/Dockerfile";

    private static readonly string Text = Checkout.Text(Recipe).Replace("\\\n", " ", StringComparison.Ordinal);

    [Fact]
    public void Image_is_built_from_pinned_images_and_its_own_stages()
    {
        var stages = Stage().Matches(Text).Select(m => (From: m.Groups["from"].Value, Name: m.Groups["name"].Value)).ToList();
        Assert.NotEmpty(stages);
        foreach (var (index, stage) in stages.Index())
        {
            if (!stages.Take(index).Any(earlier => earlier.Name == stage.From))
                Assert.Matches(PinnedImage(), stage.From);
        }
        var target = ComposeFile.Text((YamlDotNet.RepresentationModel.YamlMappingNode)Find(Services["pipeline"], "build")!, "target");
        Assert.Contains(stages, s => s.Name == target);
    }

    [Fact]
    public void Image_copies_only_what_exists_and_what_is_not_left_out()
    {
        var sources = Copied().Matches(Text).Where(m => !m.Groups["flags"].Value.Contains("--from", StringComparison.Ordinal))
            .Select(m => m.Groups["source"].Value).ToList();
        var leftOut = Checkout.Text(".dockerignore").Split('\n');
        Assert.All(sources, s => Assert.True(Checkout.Exists(s), $"{Recipe} copies {s}"));
        Assert.DoesNotContain(sources, s => leftOut.Contains(s.Split('/')[0], StringComparer.Ordinal));
        foreach (var project in Regex.Matches(Text, @"src/\S+\.csproj", RegexOptions.None, TimeSpan.FromSeconds(1)).Select(m => m.Value))
            Assert.True(Checkout.Exists(project), $"{Recipe} builds {project}");
    }

    [Fact]
    public void Image_sets_only_settings_that_the_program_knows()
    {
        var set = Regex.Matches(Text, @"METERING__\w+(?==)", RegexOptions.None, TimeSpan.FromSeconds(1)).Select(m => m.Value).ToList();
        Assert.NotEmpty(set);
        Assert.Empty(set.Except(KnownSettings.All.Select(s => s.EnvironmentName), StringComparer.Ordinal));
    }

    [Fact]
    public void Image_stops_on_a_signal_runs_without_root_and_asks_for_readiness()
    {
        Assert.Matches(@"(?m)^STOPSIGNAL SIGTERM$", Text);
        Assert.Matches(@"(?m)^USER (?!root|0\b)\S+$", Text);
        Assert.Matches(@"(?m)^HEALTHCHECK .*healthcheck\.sh", Text);
        Assert.Matches(@"(?m)^ENTRYPOINT \[""dotnet"", ""/app/metering\.dll""\]$", Text);
        var check = Checkout.Text("infra/docker/healthcheck.sh");
        Assert.Contains("/health/ready", check, StringComparison.Ordinal);
        Assert.Contains(KnownSettings.ServerPort.EnvironmentName, check, StringComparison.Ordinal);
        Assert.Contains(":-" + KnownSettings.ServerPort.Default, check, StringComparison.Ordinal);
    }

    [Fact]
    public void Image_exposes_the_ports_of_its_roles()
    {
        var exposed = Regex.Matches(Text, @"(?m)^EXPOSE (?<ports>.+)$", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
            .SelectMany(m => m.Groups["ports"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var known = KnownSettings.All.Where(s => s.Key.EndsWith(":port", StringComparison.Ordinal)).Select(s => s.Default);
        Assert.Empty(exposed.Except(known, StringComparer.Ordinal));
    }

    [GeneratedRegex(@"(?m)^FROM (?<from>\S+) AS (?<name>\S+)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Stage();

    [GeneratedRegex(@"(?m)^COPY (?<flags>(--\S+ )*)(?<source>\S+) \S+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Copied();

    [GeneratedRegex(@"^[a-z0-9./-]+:\d+\.\d+\.\d+(-[a-z]+)?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PinnedImage();
}
