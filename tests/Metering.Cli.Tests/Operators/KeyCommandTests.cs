using System.Text;
using Metering.Cli.Commands;
using Metering.Cli.Hosting;
using Metering.Core.Keys;
using Metering.Events;
using Metering.Kafka.Topics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Cli.Tests.Operators;

/// <summary>The key commands on a broker and a registry.</summary>
public sealed class KeyCommandTests(OperatorServices services) : IClassFixture<OperatorServices>
{
    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task A_key_lives_from_create_to_block_and_its_secret_is_shown_once()
    {
        var console = services.Console();
        var created = await console.RunAsync("key", "create", "--tenant", "acme", "--id", "k_1", "--models", "gpt-4o, small", "--expires", "90d");
        var secret = (string)Assert.Single(created.Lines)["secret"]!;
        Assert.Equal((0, "k_1", "acme"), (created.ExitCode, (string)created.Lines[0]["id"]!, (string)created.Lines[0]["tenant"]!));
        Assert.Matches("^mk-[A-Za-z0-9_-]{43}$", secret);

        var (keys, key) = (await BookAsync(console), default(ApiKey));
        Assert.Equal(KeyVerdict.Good, keys.Find(Encoding.UTF8.GetBytes(secret), Now, out key));
        Assert.Equal(["gpt-4o", "small"], key!.Models);
        Assert.Equal(KeyVerdict.Expired, keys.Find(Encoding.UTF8.GetBytes(secret), Now + TimeSpan.FromDays(91), out _));
        Assert.Equal(KeyVerdict.Unknown, keys.Find("mk-another"u8, Now, out _));

        await console.RunAsync("key", "block", "k_1");
        Assert.Equal(KeyVerdict.Blocked, (await BookAsync(console)).Find(Encoding.UTF8.GetBytes(secret), Now, out _));
        Assert.False((bool)Assert.Single((await console.RunAsync("key", "unblock", "k_1")).Lines)["blocked"]!);
        var listed = await console.TextAsync("key", "list", "--json");
        Assert.DoesNotContain(secret, listed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(SecretHash.Of(secret).ToHex(), listed.Text, StringComparison.Ordinal);
        Assert.Contains("\"id\":\"k_1\",\"tenant\":\"acme\",\"blocked\":false,\"models\":[\"gpt-4o\",\"small\"]", listed.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rotation_has_two_secrets_until_the_next_or_until_the_old_is_dropped()
    {
        var console = services.Console();
        var secrets = new List<string> { (string)(await console.RunAsync("key", "create", "--tenant", "acme", "--id", "k_1")).Lines[0]["secret"]! };
        secrets.Add((string)(await console.RunAsync("key", "rotate", "k_1")).Lines[0]["secret"]!);
        await AssertGoodAsync(true, true);
        secrets.Add((string)(await console.RunAsync("key", "rotate", "k_1")).Lines[0]["secret"]!);
        await AssertGoodAsync(false, true, true);
        secrets.Add((string)(await console.RunAsync("key", "rotate", "k_1", "--drop-old")).Lines[0]["secret"]!);
        await AssertGoodAsync(false, false, false, true);

        async Task AssertGoodAsync(params bool[] good)
        {
            var keys = await BookAsync(console);
            Assert.Equal(good, secrets.Select(secret => keys.Find(Encoding.UTF8.GetBytes(secret), Now, out _) == KeyVerdict.Good));
        }
    }

    [Fact]
    public async Task A_secret_from_a_file_is_taken_if_it_is_long_and_nobodys()
    {
        var console = services.Console();
        var file = OperatorConsole.FileOf("a-secret-of-twenty-one\n");
        var created = await console.RunAsync("key", "create", "--tenant", "acme", "--secret-file", file);
        Assert.Equal("a-secret-of-twenty-one", (string)created.Lines[0]["secret"]!);
        Assert.Equal(KeyVerdict.Good, (await BookAsync(console)).Find("a-secret-of-twenty-one"u8, Now, out _));

        var twice = await console.RunAsync("key", "create", "--tenant", "blue", "--secret-file", file);
        Assert.Equal(1, twice.ExitCode);
        Assert.Contains("has this secret already", twice.Error, StringComparison.Ordinal);
        foreach (var (content, path) in new[] { ("too-short", ""), ("two words of a long secret", ""), ("é-é-é-é-é-é-é-é-é-é-é-é", ""), (new string('x', 513), ""), (new string('x', 1 << 20), ""), ("", "/nowhere/secret") })
        {
            var refused = await console.RunAsync("key", "create", "--tenant", "acme", "--secret-file", path.Length > 0 ? path : OperatorConsole.FileOf(content));
            Assert.Equal((1, 0), (refused.ExitCode, refused.Lines.Length));
            Assert.Contains("--secret-file", refused.Error, StringComparison.Ordinal);
            Assert.True(content.Length == 0 || !refused.Error.Contains(content, StringComparison.Ordinal), "the secret is printed");
        }
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_with_the_fix()
    {
        var console = services.Console();
        await console.RunAsync("key", "create", "--tenant", "acme", "--id", "k_1");
        await RefusedAsync(1, "there is a key 'k_1' already", "key", "create", "--tenant", "acme", "--id", "k_1");
        await RefusedAsync(1, "the id is no id", "key", "create", "--tenant", "acme", "--id", "k|1");
        await RefusedAsync(1, "the tenant '' is no name", "key", "create", "--tenant", "");
        await RefusedAsync(1, "there is no key 'k_2'; did you mean k_1?", "key", "block", "k_2");
        await RefusedAsync(1, "there is no key 'stranger'; key list shows", "key", "rotate", "stranger");
        await RefusedAsync(2, "--expires \"soon\" is no moment", "key", "create", "--tenant", "acme", "--expires", "soon");
        await RefusedAsync(2, "--expires \"2020-01-01\" is not to come", "key", "create", "--tenant", "acme", "--expires", "2020-01-01");
        await RefusedAsync(2, "--tenant", "key", "create");
        await RefusedAsync(2, "Help: metering key create --help", "key", "create", "--tenent", "acme");

        async Task RefusedAsync(int exitCode, string sentence, params string[] arguments)
        {
            var result = await console.RunAsync(arguments);
            Assert.Equal(exitCode, result.ExitCode);
            Assert.Contains(sentence, result.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("2027-01-31", "2027-01-31T00:00:00Z")]
    [InlineData("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z")]
    [InlineData("1h30m", "2026-11-10T13:30:00Z")]
    public void ExpiresAt_reads_days_moments_and_times_from_now(string text, string expected) => Assert.Equal(
        DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), KeyCreateCommand.ExpiresAt(text, new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero)));

    private static async Task<KeyBook> BookAsync(OperatorConsole console)
    {
        using var registry = console.Services.Connect();
        using var stop = new CancellationTokenSource();
        var table = new TopicTable<GatewayKey>(console.Services.KafkaOf(console.Prefix), TopicCatalogue.Keys, registry, NullLoggerFactory.Instance, TimeProvider.System);
        var running = table.RunAsync(stop.Token);
        var topic = new KeyTopic(table, NullLogger<KeyTopic>.Instance, TimeProvider.System);
        await topic.ReadToEndAsync(TestContext.Current.CancellationToken);
        var keys = await topic.ReadAsync(TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await running;
        return keys;
    }
}
