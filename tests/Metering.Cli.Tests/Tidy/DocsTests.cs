using System.Text.RegularExpressions;

namespace Metering.Cli.Tests.Tidy;

/// <summary>What the documents name, exists.</summary>
public sealed partial class DocsTests
{
    public static TheoryData<string> Documents =>
        [.. Checkout.Files.Where(f => f == "README.md" || (f.StartsWith("docs/", StringComparison.Ordinal) && f.EndsWith(".md", StringComparison.Ordinal)))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Document_links_only_to_files_that_exist(string document)
    {
        var folder = Path.GetDirectoryName(document) ?? "";
        var dead = Link().Matches(Checkout.Text(document))
            .Select(m => m.Groups["target"].Value.Split('#')[0])
            .Where(t => t.Length > 0 && !t.Contains("://", StringComparison.Ordinal))
            .Where(t => !Checkout.Exists(Path.Combine(folder, t)));
        Assert.Empty(dead);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Document_names_only_paths_that_exist(string document)
    {
        var missing = CodePath().Matches(Checkout.Text(document))
            .Select(m => m.Groups["path"].Value)
            .Select(p => p.StartsWith("Metering.", StringComparison.Ordinal) ? "src/" + p : p)
            .Where(p => !IsThere(p.TrimEnd('/')));
        Assert.Empty(missing);
    }

    [Fact]
    public async Task Documents_name_only_commands_that_the_program_has()
    {
        var named = Documents.SelectMany(row => Command().Matches(Checkout.Text(row.Data)).Select(m => m.Groups["word"].Value))
            .Except(["test", "bench", "simulate"], StringComparer.Ordinal) // the launcher's own
            .ToList();
        var help = await BuiltProgram.HelpAsync(TestContext.Current.CancellationToken);
        Assert.NotEmpty(named);
        Assert.All(named.Distinct(StringComparer.Ordinal), word => Assert.Matches($@"(?m)^\s+{word}\b", help));
    }

    [Fact]
    public void Decisions_are_numbered_without_gaps_and_state_what_was_decided()
    {
        var records = Checkout.Files.Where(f => f.StartsWith("docs/adr/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(records);
        foreach (var (number, record) in records.Index())
        {
            Assert.Matches($"^docs/adr/{number + 1:D4}-[a-z0-9-]+\\.md$", record);
            var text = Checkout.Text(record);
            Assert.StartsWith(FormattableString.Invariant($"# {number + 1:D4} "), text, StringComparison.Ordinal);
            foreach (var heading in new[] { "## Why", "## Decision", "## What follows" })
                Assert.Contains(heading, text, StringComparison.Ordinal);
            Assert.True(text.Split('\n').Length <= 60, $"{record} is longer than a page");
        }
    }

    private static bool IsThere(string path)
    {
        if (!path.Contains('*', StringComparison.Ordinal))
            return Checkout.Exists(path);
        var pattern = "^" + Regex.Escape(path).Replace("\\*", "[^/]*", StringComparison.Ordinal) + "(/|$)";
        return Checkout.Files.Any(f => Regex.IsMatch(f, pattern, RegexOptions.None, TimeSpan.FromSeconds(1)));
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();

    /// <summary>In backticks: a path under one of the checkout's folders, or under a project of src.</summary>
    [GeneratedRegex(@"`(?<path>(?:(?:src|tests|infra|docs|schemas|dashboards|\.ci)/|Metering\.[A-Za-z]+(?=[/`]))[^`\s]*)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex CodePath();

    [GeneratedRegex(@"\./metering (?<word>[a-z][a-z-]*)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Command();
}
