using System.Text.Json;
using Metering.Events;
using Metering.Gateway.Admission;
using Metering.Gateway.MockHost;
using Metering.Testing;

namespace Metering.Gateway.Tests.Forwarding;

/// <summary>OpenAI's own SDK for Node against gateway and mock; skipped where node, npm or the package cannot be had.</summary>
public sealed class OpenAiNodeSdkTests
{
    private const string Package = "openai", Version = "7.55.0";

    private const string Script = """
        const { default: OpenAI } = require('openai');
        const [address, apiKey, what, maxRetries] = process.argv.slice(2);
        const client = new OpenAI({ baseURL: address + '/v1', apiKey, maxRetries: Number(maxRetries) });
        const body = { model: 'mock-model', messages: [{ role: 'user', content: 'Hi' }] };
        const asks = {
          whole: async () => {
            const answer = await client.chat.completions.create({ ...body, max_tokens: 7 });
            return { reason: answer.choices[0].finish_reason, usage: answer.usage };
          },
          stream: async () => {
            let [text, usage] = ['', null];
            for await (const chunk of await client.chat.completions.create({ ...body, max_tokens: 20, stream: true, stream_options: { include_usage: true } })) {
              text += chunk.choices[0]?.delta?.content ?? '';
              usage = chunk.usage ?? usage;
            }
            return { text, usage };
          },
          hangUp: async () => {
            let chunks = 0;
            for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
              if (chunk.choices[0]?.delta?.content && ++chunks === 3) break;
            }
            return { chunks };
          },
        };
        const start = Date.now();
        asks[what]()
          .catch((e) => ({ error: e.constructor.name, status: e.status, code: e.code, type: e.type, message: e.message, retryAfter: e.headers?.get('retry-after') }))
          .then((said) => console.log(JSON.stringify({ ...said, ms: Date.now() - start })));
        """;

    private static async Task<JsonElement> SayAsync(GatewayBench bench, string what, string secret = GatewayBench.Secret, int retries = 0) => JsonDocument.Parse(
        await NpmClient.RunAsync(Package, Version, "openai.js", Script, bench.Gateway.Address, secret, what, retries.ToString(System.Globalization.CultureInfo.InvariantCulture))).RootElement;

    [Fact]
    public async Task Answer_has_the_hosts_usage_and_is_metered_by_it()
    {
        await using var bench = await GatewayBench.StartAsync();
        var said = await SayAsync(bench, "whole");
        Assert.Equal(("length", 7), (said.GetProperty("reason").GetString(), said.GetProperty("usage").GetProperty("completion_tokens").GetInt64()));
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, said.GetProperty("usage").GetProperty("prompt_tokens").GetInt64(), 7, false), (e.Status, e.InputTokens, e.OutputTokens, e.TokensEstimated));
    }

    [Fact]
    public async Task Stream_comes_whole_with_the_usage_that_was_asked_for()
    {
        await using var bench = await GatewayBench.StartAsync();
        var said = await SayAsync(bench, "stream");
        Assert.Equal(string.Concat(Enumerable.Repeat(" token", 20)), said.GetProperty("text").GetString());
        Assert.Equal(20, said.GetProperty("usage").GetProperty("completion_tokens").GetInt64());
        var e = await bench.EventAsync();
        Assert.Equal((Status.Ok, true, 20, false), (e.Status, e.Streamed, e.OutputTokens, e.TokensEstimated));
    }

    [Fact]
    public async Task Client_that_leaves_a_stream_hangs_up_at_the_host_and_what_came_is_metered()
    {
        await using var bench = await GatewayBench.StartAsync(new MockBehaviour { TokensPerSecond = 50, DefaultTokens = 5_000 });
        Assert.Equal(3, (await SayAsync(bench, "hangUp")).GetProperty("chunks").GetInt32());
        var e = await bench.EventAsync();
        Assert.Equal((Status.Cancelled, true), (e.Status, e.TokensEstimated));
        Assert.Equal(1, (await bench.SettledAsync()).HungUp);
        Assert.InRange(e.OutputTokens, 3, 4_999);
    }

    [Fact]
    public async Task Unknown_key_is_the_sdks_authentication_error_with_its_body()
    {
        await using var bench = await GatewayBench.StartAsync();
        var said = await SayAsync(bench, "whole", "sk-wrong", retries: 2);
        Assert.Equal(("AuthenticationError", 401, "invalid_api_key"), (Text(said, "error"), said.GetProperty("status").GetInt32(), Text(said, "code")));
        Assert.Contains("Incorrect API key", Text(said, "message"), StringComparison.Ordinal);
        Assert.Equal(1, bench.Gateway.Totals.UnknownKeys); // it is not tried again
    }

    [Fact]
    public async Task Quota_that_is_used_up_is_the_sdks_rate_limit_error_with_its_body_and_is_not_tried_again()
    {
        var admission = new Refusing(int.MaxValue, new Refusal(RefusalKind.Quota, "Your team has used its tokens.", TimeSpan.FromSeconds(90)));
        await using var bench = await GatewayBench.StartAsync(admission: admission);
        var said = await SayAsync(bench, "stream", retries: 2);
        Assert.Equal(("RateLimitError", 429, "insufficient_quota", "90"), (Text(said, "error"), said.GetProperty("status").GetInt32(), Text(said, "code"), Text(said, "retryAfter")));
        Assert.Contains("Your team has used its tokens.", Text(said, "message"), StringComparison.Ordinal);
        Assert.Equal((1, 0), (admission.Asked, bench.Mock.Stats.Requests));
    }

    [Fact]
    public async Task Rate_that_is_passed_is_tried_again_by_the_sdk_after_the_time_that_it_was_told()
    {
        var admission = new Refusing(1, new Refusal(RefusalKind.Rate, "Slower.", TimeSpan.FromSeconds(1.2)));
        await using var bench = await GatewayBench.StartAsync(admission: admission);
        var said = await SayAsync(bench, "whole", retries: 2);
        Assert.Equal(7, said.GetProperty("usage").GetProperty("completion_tokens").GetInt64());
        Assert.True(said.GetProperty("ms").GetInt64() >= 1_200, said.ToString());
        Assert.Equal(2, admission.Asked);
    }

    private static string? Text(JsonElement said, string name) => said.TryGetProperty(name, out var value) ? value.GetString() : said.ToString();

    /// <summary>Refuses the first requests, and admits all others.</summary>
    private sealed class Refusing(int first, Refusal refusal) : IAdmission
    {
        private readonly OpenAdmission _open = new();
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public string? NotReady => null;

        public ValueTask<AdmissionResult> AdmitAsync(in AdmissionRequest request, CancellationToken cancellationToken) =>
            Interlocked.Increment(ref _asked) <= first ? ValueTask.FromResult(AdmissionResult.Refused(refusal)) : _open.AdmitAsync(request, cancellationToken);
    }
}
