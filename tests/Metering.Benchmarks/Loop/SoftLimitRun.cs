using System.Diagnostics;
using System.Globalization;

namespace Metering.Benchmarks.Loop;

/// <summary>How far a soft limit is passed until its decision holds, and the bound that docs/policies.md states for it: what is used in
/// the reaction time, and what is under way when the decision comes.</summary>
internal static class SoftLimitRun
{
    private const int Rounds = 3, Clients = 16, AnswerTokens = 40, MaxTokens = 60;
    private const long Limit = 20_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45), LookEvery = TimeSpan.FromMilliseconds(100), RateOver = TimeSpan.FromMilliseconds(500);

    /// <summary>From the end of a request to its event's acknowledgement, and of a part that runs alone, the goal of the reaction.</summary>
    private static readonly TimeSpan Publication = TimeSpan.FromMilliseconds(50), ReactionGoal = TimeSpan.FromMilliseconds(250);

    public static async Task MeasureAsync(LoopFindings findings)
    {
        await using var stand = await LoopStand.StartAsync(findings.Kafka.Brokers);
        using var gateways = await LoopGateways.StartAsync(stand, 2, "--tokens-per-second", "400", "--most-tokens", AnswerTokens.ToString(CultureInfo.InvariantCulture));
        var clients = await gateways.ClientsAsync([.. Enumerable.Range(0, Rounds + 1).Select(static i => string.Create(CultureInfo.InvariantCulture, $"soft-{i}"))]);
        await stand.ApplyAsync($$"""
            policies:
              - name: soft
                match: { tenant: each }
                limit: { tokens: {{Limit}}, per: month }
                steps: [{ at: 1, action: deny }]
            """);
        var reaction = (findings.SlowestReaction ?? ReactionGoal) + Publication;
        await PassAsync(gateways, clients[0]); // compiles code
        var (overshoot, bound) = (0.0, double.MaxValue);
        foreach (var client in clients.Skip(1))
        {
            var (over, rate) = await PassAsync(gateways, client);
            findings.Add(Figure.Told(LoopBench.Bench, "soft limit passed by, a round", over, "tokens"));
            findings.Add(Figure.Told(LoopBench.Bench, "rate when it was reached", rate, "tokens/s"));
            overshoot = Math.Max(overshoot, over);
            // The smallest of the rounds' bounds: each round is held to the strictest.
            bound = Math.Min(bound, (rate * reaction.TotalSeconds) + (Clients * CallTokens(client)));
            client.Dispose();
        }
        findings.Add(Figure.Told(LoopBench.Bench, "soft limit, reaction time in its bound", reaction.TotalMilliseconds, "ms"));
        findings.Add(Figure.AtMost(LoopBench.Bench, "soft limit passed by, 2 gateways, 16 clients", overshoot, "tokens", bound, "reaction time × rate, and what is under way"));
        findings.Add(Figure.Told(LoopBench.Bench, "soft limit passed by, of the limit", overshoot * 100 / Limit, "%"));
    }

    private static double CallTokens(LoopClient client) => client.Tokens / (double)client.Answers;

    /// <summary>Tokens beyond the limit, and the rate at which they were served in the half second before it.</summary>
    private static async Task<(double Over, double TokensPerSecond)> PassAsync(LoopGateways gateways, LoopClient client)
    {
        var (before, begun, last, lastAt) = (await gateways.ServedAsync(), Stopwatch.GetTimestamp(), 0L, Stopwatch.GetTimestamp());
        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, Clients).Select(i => client.AskOnAsync(n => gateways.Addresses[(i + n) % 2], n => (MaxTokens, (i + n) % 3 == 0), stop.Token)).ToList();
        var rate = 0.0;
        // Once refused, all that was under way has its time to end.
        for (long quietSince = 0; quietSince == 0 || Stopwatch.GetElapsedTime(quietSince) < TimeSpan.FromSeconds(1); await Task.Delay(LookEvery))
        {
            var (served, gone) = (await gateways.ServedAsync() - before, Stopwatch.GetElapsedTime(begun));
            if (served < Limit && Stopwatch.GetElapsedTime(lastAt) >= RateOver)
                (rate, last, lastAt) = ((served - last) / Stopwatch.GetElapsedTime(lastAt).TotalSeconds, served, Stopwatch.GetTimestamp());
            if (quietSince == 0 && client.Refusals > Clients * 2)
                quietSince = Stopwatch.GetTimestamp();
            if (gone > Patience)
                throw new TimeoutException($"{served} of {Limit} tokens are served after {Patience.TotalSeconds} s, and nobody is refused");
        }
        await stop.CancelAsync();
        await Task.WhenAll(asking);
        return (await gateways.ServedAsync() - before - Limit, rate);
    }
}
