using System.Globalization;

namespace Metering.Benchmarks.Loop;

/// <summary>How much of a hard limit clients can use within its window: two gateways, each client at both in turn, all limits in the same minute.</summary>
internal static class UsableShareRun
{
    private const int AnswerTokens = 40, MaxTokens = 60, Clients = 4, GatewayCount = 2;

    /// <summary>Of "hello there" and its role, eight for the message and 24 for the template (R28).</summary>
    private const long PromptBound = 4 + 11 + 8 + 24;

    private const double ShareGoal = 97;

    private sealed record Kind(string Name, string Tenant, double Calls, int? MaxTokens, bool IsStreamed);

    private static readonly Kind[] Kinds =
    [
        new("with max_tokens", "share-a", 100, MaxTokens, IsStreamed: false),
        new("with max_tokens, streamed", "share-b", 100, MaxTokens, IsStreamed: true),
        new("without max_tokens", "share-c", 100, null, IsStreamed: false),
        new("without max_tokens, streamed", "share-d", 100, null, IsStreamed: true),
        new("with max_tokens", "share-e", 5.5, MaxTokens, IsStreamed: false),
        new("without max_tokens, streamed", "share-f", 5.5, null, IsStreamed: true),
    ];

    public static async Task MeasureAsync(LoopFindings findings)
    {
        await using var stand = await LoopStand.StartAsync(findings.Kafka.Brokers);
        var answer = AnswerTokens.ToString(CultureInfo.InvariantCulture);
        using var gateways = await LoopGateways.StartAsync(stand, GatewayCount, "--tokens-per-second", "400", "--most-tokens", answer, "--answer-tokens", answer);
        var clients = await gateways.ClientsAsync([.. Kinds.Select(static kind => kind.Tenant), "share-free"]);
        var free = clients[^1];
        await free.AskAsync(gateways.Addresses[0], MaxTokens, isStreamed: false, CancellationToken.None);
        var call = free.Tokens;
        await stand.ApplyAsync("policies:" + string.Concat(Kinds.Select(kind => $$"""

              - name: {{kind.Tenant}}
                match: { tenant: {{kind.Tenant}} }
                limit: { tokens: {{LimitOf(kind, call)}}, per: minute, hard: true }
            """)));
        await UntilMinuteAsync(TimeSpan.FromSeconds(8)); // in force at its effective_at, which is 5 s later
        var before = await gateways.ServedAsync();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(58));
        await Task.WhenAll(Kinds.SelectMany((kind, i) => Enumerable.Range(0, Clients).Select(c =>
            clients[i].AskOnAsync(n => gateways.Addresses[(c + n) % GatewayCount], _ => (kind.MaxTokens, kind.IsStreamed), stop.Token))));
        Tell(findings, clients, call, await gateways.ServedAsync() - before);
        foreach (var client in clients)
            client.Dispose();
    }

    private static long LimitOf(Kind kind, long call) => (long)(kind.Calls * call);

    private static void Tell(LoopFindings findings, LoopClient[] clients, long call, long served)
    {
        for (var i = 0; i < Kinds.Length; i++)
        {
            var (kind, limit, used) = (Kinds[i], LimitOf(Kinds[i], call), clients[i].Tokens);
            if (used > limit)
                throw new InvalidOperationException($"{kind.Name}: {used} tokens of {limit} were served");
            findings.Add(kind.Calls >= 100
                ? Figure.AtLeast(LoopBench.Bench, $"share of a hard limit of 100 calls, {kind.Name}", used * 100.0 / limit, "%", ShareGoal)
                : Figure.AtMost(LoopBench.Bench, $"stranded of a hard limit of 5.5 calls, {kind.Name}", limit - used, "tokens", PromptBound, "a call's prompt bound"));
        }
        var told = clients.Take(Kinds.Length).Sum(static client => client.Tokens);
        findings.Add(Figure.AtMost(LoopBench.Bench, "the host's total beside the answers' own usage", Math.Abs(served - told), "tokens", call * Clients, "calls under way at the end"));
    }

    /// <summary>The beginning of a minute, no sooner than that.</summary>
    private static async Task UntilMinuteAsync(TimeSpan atLeast)
    {
        await Task.Delay(atLeast);
        var now = TimeProvider.System.GetUtcNow();
        await Task.Delay(TimeSpan.FromSeconds(60) - TimeSpan.FromTicks(now.Ticks % TimeSpan.TicksPerMinute) + TimeSpan.FromMilliseconds(100));
    }
}
