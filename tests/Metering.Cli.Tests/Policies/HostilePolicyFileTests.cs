using System.Diagnostics;
using System.Text;
using Metering.Cli.Policies;

namespace Metering.Cli.Tests.Policies;

/// <summary>Whatever a file holds, it is read or refused with sentences, soon and in bounded memory.</summary>
public sealed class HostilePolicyFileTests
{
    public static TheoryData<string, string> Hostile => new()
    {
        { "flow of lists", "policies: " + new string('[', 20_000) },
        { "flow of maps", "policies: " + string.Concat(Enumerable.Repeat("{a: ", 20_000)) },
        { "indented lists", string.Concat(Enumerable.Range(0, 2_000).Select(i => new string(' ', i) + "-\n")) },
        { "laughs", "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a]\npolicies: [*b, *b, *b]" },
        { "a merge", "policies:\n  - &p { name: a }\n  - { <<: *p }" },
        { "many values", "policies: [" + string.Join(',', Enumerable.Repeat("a", 600_000)) + "]" },
        { "many errors", "policies:\n" + string.Concat(Enumerable.Repeat("- { x: 1 }\n", 2_000)) },
        { "a long name", "policies: [{ name: " + new string('n', 1_000_000) + " }]" },
        { "a long number", "policies: [{ name: a, limit: { tokens: " + new string('9', 1_000_000) + ", per: day, hard: true } }]" },
        { "a long amount", "policies: [{ name: a, limit: { usd: 0." + new string('9', 1_000_000) + ", per: day, hard: true } }]" },
        { "an unknown field", "policies: [{ " + new string('f', 1_000_000) + ": 1 }]" },
        { "a directive", "%YAML 9.9\n---\npolicies: []" },
        { "a tag", "policies: !!python/object:os.system [ls]" },
        { "a control character", "policies: [{ name: \"a\\x00\\x1b[31m\" }]" },
        { "an unended text", "policies: \"" },
        { "a colon", ":" },
        { "complex keys", "? [a]\n: b" },
        { "too long", new string('#', YamlTree.MaxLength + 1) },
    };

    [Theory]
    [MemberData(nameof(Hostile), DisableDiscoveryEnumeration = true)]
    public void Parse_of_hostile_text_is_refused_soon(string _, string yaml)
    {
        var started = Stopwatch.GetTimestamp();
        var error = Assert.Throws<PolicyFileException>(() => PolicyFile.Parse("f.yaml", Encoding.UTF8.GetBytes(yaml)));
        Assert.All(error.Errors, sentence => Assert.InRange(sentence.Length, 1, 2_000));
        Assert.All(error.Errors, sentence => Assert.DoesNotContain('\x1b', sentence));
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 20);
    }

    [Fact]
    public void Parse_of_no_utf8_is_refused() => Assert.Contains("UTF-8", Assert.Throws<PolicyFileException>(() => PolicyFile.Parse("f.yaml", [0x70, 0xff, 0xfe])).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_of_anything_made_of_pieces_of_a_good_file_ends_well()
    {
        var good = File.ReadAllText(Path.Combine(Prices.Repository.Root, "infra", "policies", "examples.yaml"));
        string[] pieces = ["{", "}", "[", "]", ":", ",", "\"", "'", "\n", "  ", "- ", "&a ", "*a", "!", "|", ">", "?", "#", "%", "@", "`", "\t", "\0", "é", "each", "null", "tokens", "1_0"];
        var random = new Random(7);
        for (var i = 0; i < 3_000; i++)
        {
            var text = new StringBuilder(good);
            for (var change = random.Next(1, 6); change > 0; change--)
            {
                var at = random.Next(text.Length);
                text.Remove(at, random.Next(Math.Min(20, text.Length - at)));
                text.Insert(at, pieces[random.Next(pieces.Length)]);
            }
            try
            {
                PolicyFile.Parse("f.yaml", Encoding.UTF8.GetBytes(text.ToString()));
            }
            catch (PolicyFileException error)
            {
                Assert.NotEmpty(error.Errors);
            }
        }
    }
}
