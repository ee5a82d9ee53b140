using System.Globalization;
using System.Text.Json.Nodes;
using Metering.Cli.Hosting;
using Metering.Core.Policies;
using Metering.Events;
using Metering.Kafka.Topics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Cli.Tests.Operators;

/// <summary>The policy commands on a broker and a registry.</summary>
public sealed class PolicyCommandTests(OperatorServices services) : IClassFixture<OperatorServices>
{
    private const string Two = """
        policies:
          - { name: a, match: { tenant: acme }, limit: { tokens: 1000, per: minute, hard: true } }
          - { name: b, match: { tenant: each }, limit: { usd: 12.50, per: hour }, steps: [ { at: 0.8, action: notify } ] }
        """;

    [Fact]
    public async Task Apply_plan_list_show_and_delete_tell_one_story()
    {
        var console = services.Console();
        var planned = await console.RunAsync("policy", "plan", OperatorConsole.FileOf(Two));
        Assert.Equal((0, "added", "added", false, 2), (planned.ExitCode, Text(planned.Lines[0], "change"), Text(planned.Lines[1], "change"), (bool)planned.Lines[2]["applied"]!, (int)planned.Lines[2]["added"]!));
        Assert.Empty((await console.RunAsync("policy", "list")).Lines);

        var before = TimeProvider.System.GetUtcNow();
        var applied = await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two));
        Assert.Equal((0, true, "policy 'a': the tenant 'acme' was never seen: no key has it"), (applied.ExitCode, (bool)applied.Lines[2]["applied"]!, (string?)applied.Lines[2]["warnings"]![0]));
        // R30: the hard one waits for the gateways, 3 s at least and 5 s at most.
        var effectiveAt = DateTimeOffset.Parse(Text(applied.Lines[0], "effective_at"), CultureInfo.InvariantCulture);
        Assert.InRange(effectiveAt - before, TimeSpan.FromSeconds(4.9), TimeSpan.FromSeconds(20));
        Assert.InRange(effectiveAt - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(-15), TimeSpan.FromSeconds(5));

        var listed = await console.RunAsync("policy", "list");
        Assert.Equal(["a", "b"], listed.Lines.Select(line => Text(line, "name")));
        Assert.Equal("""{"usd":12.5,"per":"hour"}""", listed.Lines[1]["limit"]!.ToJsonString());
        Assert.Contains("limit: { tokens: 1000, per: minute, hard: true }", (await console.TextAsync("policy", "show", "a")).Text, StringComparison.Ordinal);

        var changed = await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two.Replace("12.50", "10", StringComparison.Ordinal)));
        Assert.Equal(["unchanged", "changed"], changed.Lines.Take(2).Select(line => Text(line, "change")));
        Assert.Equal("""[{"field":"limit","before":"{ usd: 12.5, per: hour }","after":"{ usd: 10, per: hour }"}]""", changed.Lines[1]["differences"]!.ToJsonString());

        Assert.Equal("a", Text(Assert.Single((await console.RunAsync("policy", "delete", "a")).Lines), "deleted"));
        Assert.Equal(["b"], (await console.RunAsync("policy", "list")).Lines.Select(line => Text(line, "name")));
    }

    [Fact]
    public async Task Apply_of_a_file_with_an_error_or_something_never_seen_under_strict_changes_nothing()
    {
        var console = services.Console();
        var broken = await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two + "\n  - { name: c, limit: { tokns: 1, per: day } }"));
        Assert.Equal((1, 0), (broken.ExitCode, broken.Lines.Length));
        Assert.Contains("line 4: policy 'c': limit: 'tokns' is no field; did you mean tokens?", broken.Error, StringComparison.Ordinal);
        var strict = await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two), "--strict");
        Assert.Equal(1, strict.ExitCode);
        Assert.Contains("the tenant 'acme' was never seen", strict.Error, StringComparison.Ordinal);
        Assert.Empty((await console.RunAsync("policy", "list")).Lines);

        await console.RunAsync("key", "create", "--tenant", "acme");
        Assert.Equal(0, (await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two), "--strict")).ExitCode);
    }

    [Fact]
    public async Task A_policy_that_is_not_there_is_failure_and_the_nearest_is_named()
    {
        var console = services.Console();
        await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two.Replace("name: a", "name: acme-minute", StringComparison.Ordinal)));
        foreach (var command in new[] { "show", "delete" })
        {
            var (exitCode, _, error) = await console.RunAsync("policy", command, "acme-minutes");
            Assert.Equal(1, exitCode);
            Assert.Contains("there is no policy 'acme-minutes'; did you mean acme-minute?", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Applications_at_the_same_time_all_come_through()
    {
        var console = services.Console();
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => console.RunAsync("policy", "apply", OperatorConsole.FileOf($"policies: [ {{ name: p{i}, limit: {{ tokens: 1, per: day, hard: true }} }} ]"))));
        Assert.All(results, result => Assert.True(result.ExitCode == 0, result.Error));
        Assert.Equal(["p0", "p1", "p2", "p3"], (await console.RunAsync("policy", "list")).Lines.Select(line => Text(line, "name")));
    }

    [Fact]
    public async Task R22_PolicyTopic_hands_on_what_is_applied_within_a_second_and_leaves_out_a_bad_record()
    {
        var console = services.Console();
        await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two));
        using var registry = services.Connect();
        using var stop = new CancellationTokenSource();
        var table = new TopicTable<Metering.Events.Policy>(services.KafkaOf(console.Prefix), TopicCatalogue.Policies, registry, NullLoggerFactory.Instance, TimeProvider.System);
        var running = table.RunAsync(stop.Token);
        var topic = new PolicyTopic(table, NullLogger<PolicyTopic>.Instance, TimeProvider.System);
        await topic.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["a", "b"], (await topic.ReadAsync(TestContext.Current.CancellationToken)).Policies.Select(policy => policy.Name));

        var seen = new TaskCompletionSource<PolicyMatcher>(TaskCreationOptions.RunContinuationsAsynchronously);
        var following = topic.FollowAsync(new ServiceWait(NullLogger.Instance, TimeProvider.System), registry.Description, matcher =>
        {
            if (matcher.Policies.Count == 3)
                seen.TrySetResult(matcher);
            return Task.CompletedTask;
        }, stop.Token);
        await console.Services.PutAsync(console.Prefix + TopicCatalogue.Policies, "nonsense", [1, 2, 3]);
        await console.RunAsync("policy", "apply", OperatorConsole.FileOf(Two.Replace("name: a", "name: c", StringComparison.Ordinal)));
        Assert.Equal(["a", "b", "c"], (await seen.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Policies.Select(policy => policy.Name));
        // What nobody can read can be deleted.
        Assert.Equal(0, (await console.RunAsync("policy", "delete", "nonsense")).ExitCode);
        await stop.CancelAsync();
        await running;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
    }

    [Fact]
    public async Task Services_that_do_not_answer_are_exit_code_3()
    {
        var console = services.Console();
        var application = await console.ElsewhereAsync("policy", "list", "--brokers", "127.0.0.1:1");
        Assert.Equal(3, application.ExitCode);
        application = await console.ElsewhereAsync("policy", "apply", OperatorConsole.FileOf(Two), "--brokers", services.Brokers, "--registry", "http://127.0.0.1:1");
        Assert.Equal(3, application.ExitCode);
        Assert.Contains("schema registry", application.Error, StringComparison.Ordinal);
    }

    private static string Text(JsonObject line, string field) => (string)line[field]!;
}
