using System.Diagnostics;

namespace Metering.Benchmarks.Loop;

/// <summary>A hard limit under 100 clients at three gateways, while a gateway and the governor are killed and the broker is stopped.</summary>
internal static class HardLimitRun
{
    private const int GatewayCount = 3, Clients = 100;
    private const long Limit = 300_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90), BrokerAway = TimeSpan.FromSeconds(4), Quiet = TimeSpan.FromSeconds(6);

    public static async Task MeasureAsync(LoopFindings findings)
    {
        await using var stand = await LoopStand.StartAsync(findings.Kafka.Brokers);
        using var gateways = await LoopGateways.StartAsync(stand, GatewayCount, "--tokens-per-second", "100");
        var client = (await gateways.ClientsAsync("acme"))[0];
        await stand.ApplyAsync($$"""
            policies:
              - name: acme-hard
                match: { tenant: acme }
                limit: { tokens: {{Limit}}, per: month, hard: true }
            """);
        await Task.Delay(TimeSpan.FromSeconds(6)); // in force at its effective_at
        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, Clients).Select(i => client.AskOnAsync(n => gateways.Addresses[(i + n) % GatewayCount], n => KindOf(i + n), stop.Token)).ToList();
        await UntilAsync(gateways, Limit / 6);
        await gateways.KillAsync(1); // with all that it holds
        await gateways.StartAsync(1);
        await UntilAsync(gateways, Limit / 3);
        await stand.Pipeline.KillAsync();
        await stand.StartPipelineAsync();
        await UntilAsync(gateways, Limit / 2);
        await findings.Kafka.ControlAsync("stop");
        await Task.Delay(BrokerAway);
        await findings.Kafka.ControlAsync("revive");
        var served = await UntilQuietAsync(gateways, Limit * 2 / 3);
        await stop.CancelAsync();
        await Task.WhenAll(asking);
        served = await gateways.ServedAsync();
        client.Dispose();
        findings.Add(Figure.AtMost(LoopBench.Bench, "hard limit passed by, 3 gateways, 100 clients, kills, a stopped broker", Math.Max(0, served - Limit), "tokens", 0));
        findings.Add(Figure.Told(LoopBench.Bench, "of the hard limit served through all that", served * 100.0 / Limit, "%"));
        findings.Add(Figure.Told(LoopBench.Bench, "requests answered and refused on the way", client.Answers + client.Refusals, "requests"));
    }

    // Most name their maximum; what names none reserves its model's.
    private static (int? MaxTokens, bool IsStreamed) KindOf(int number) => (number % 10 == 0 ? null : 40 + (number % 60), number % 2 == 0);

    private static async Task UntilAsync(LoopGateways gateways, long tokens)
    {
        for (var since = Stopwatch.GetTimestamp(); await gateways.ServedAsync() is var served && served < tokens; await Task.Delay(50))
        {
            if (Stopwatch.GetElapsedTime(since) > Patience)
                throw new TimeoutException($"{served} tokens are served after {Patience.TotalSeconds} s, not {tokens}");
        }
    }

    /// <summary>Nothing is served any more; what was served.</summary>
    private static async Task<long> UntilQuietAsync(LoopGateways gateways, long atLeast)
    {
        await UntilAsync(gateways, atLeast);
        for (var (last, since) = (0L, Stopwatch.GetTimestamp()); ; await Task.Delay(100))
        {
            var served = await gateways.ServedAsync();
            if (served == last && Stopwatch.GetElapsedTime(since) > Quiet)
                return served;
            if (served != last)
                (last, since) = (served, Stopwatch.GetTimestamp());
        }
    }
}
