using System.Text.RegularExpressions;

namespace Metering.Cli.Tests.Tidy;

/// <summary>What a compiler does not see and a reader should not have to look for.</summary>
public sealed partial class SourceTests
{
    private const int LineLimit = 350;

    /// <summary>Files that may be longer, each with its reason.</summary>
    private static readonly Dictionary<string, string> Longer = new(StringComparer.Ordinal);

    [Fact]
    public void Log_event_ids_are_unique_over_all_projects()
    {
        var events = Checkout.Sources("src")
            .SelectMany(f => LogEvent().Matches(Checkout.Text(f)).Select(m => (File: f, Id: m.Groups["id"].Value)))
            .ToList();
        Assert.Empty(events.Where(e => e.Id.Length == 0).Select(e => $"{e.File}: a [LoggerMessage] without an event id"));
        Assert.Empty(events.GroupBy(e => e.Id, StringComparer.Ordinal).Where(g => g.Count() > 1)
            .Select(g => $"{g.Key}: {string.Join(", ", g.Select(e => e.File))}"));
    }

    [Fact]
    public void Sources_hold_nothing_unfinished()
    {
        var unfinished = Checkout.Sources("src")
            .Where(f => Unfinished().IsMatch(Checkout.Text(f)));
        Assert.Empty(unfinished);
    }

    /// <summary>IDE0003, a rule of editors.</summary>
    [Fact]
    public void Sources_do_not_qualify_members_with_this()
    {
        var qualified = Checkout.Sources("src").Concat(Checkout.Sources("tests"))
            .Where(f => !IsThisTest(f) && Qualified().IsMatch(Checkout.Text(f)));
        Assert.Empty(qualified);
    }

    [Fact]
    public void Sources_stay_short_enough_to_read()
    {
        var lengths = Checkout.Sources("src").Concat(Checkout.Sources("tests"))
            .Select(f => (File: f, Lines: Checkout.Text(f).Count(c => c == '\n')))
            .Where(f => f.Lines > LineLimit && !Longer.ContainsKey(f.File))
            .Select(f => $"{f.File}: {f.Lines} lines, more than {LineLimit}: one idea a file");
        Assert.Empty(lengths);
        Assert.All(Longer.Keys, f => Assert.True(Checkout.Exists(f), $"{f} is gone: take it from the list"));
    }

    [Fact]
    public void Files_name_no_place_of_one_machine_or_network()
    {
        var named = Checkout.Files.Where(f => !IsThisTest(f) && IsText(f))
            .SelectMany(f => Place().Matches(Checkout.Text(f)).Select(m => $"{f}: {m.Value}"));
        Assert.Empty(named);
    }

    [Fact]
    public void Test_folders_mirror_source_folders()
    {
        var strangers = Checkout.Files
            .Where(f => f.StartsWith("tests/", StringComparison.Ordinal) && f.EndsWith(".Tests.csproj", StringComparison.Ordinal))
            .Select(f => "src/" + f.Split('/')[1].Replace(".Tests", "", StringComparison.Ordinal))
            .Where(project => !Checkout.Exists(project));
        Assert.Empty(strangers);
    }

    private static bool IsThisTest(string file) => file.EndsWith("Tidy/SourceTests.cs", StringComparison.Ordinal);

    private static bool IsText(string file) =>
        Path.GetExtension(file) is "" or ".cs" or ".csproj" or ".props" or ".md" or ".sh" or ".yml" or ".yaml" or ".json" or ".xml"
            or ".avsc" or ".sql" or ".txt" or ".pin" or ".sln" || file.EndsWith("Dockerfile", StringComparison.Ordinal);

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:(?:EventId\s*[=:]\s*)?(?<id>\d+)|(?:[^\]""]*EventId\s*=\s*(?<id>\d+))|)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LogEvent();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\bthis\.\w", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Qualified();

    /// <summary>Folders of one machine; package registries, which are each user's own affair.</summary>
    [GeneratedRegex(@"(?<![\w.])/(work|root|home|Users)/\w+|[A-Z]:\\Users\\|https?://[^\s""')]*(npmjs|nuget\.org|/v3/index\.json|/api/npm|artifactory)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Place();
}
