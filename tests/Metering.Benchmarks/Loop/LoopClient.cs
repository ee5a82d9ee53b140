using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Metering.Benchmarks.Loop;

/// <summary>One tenant's clients: asks for chats and adds up what the answers' own usage says.</summary>
internal sealed class LoopClient : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 200 }) { Timeout = TimeSpan.FromSeconds(30) };
    private long _tokens, _answers, _refusals;

    public LoopClient(string tenant, string secret)
    {
        Tenant = tenant;
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
    }

    public string Tenant { get; }

    /// <summary>Of answers that came to their end.</summary>
    public long Tokens => Interlocked.Read(ref _tokens);

    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>Statuses 429 and 503.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    /// <summary>Asks once.</summary>
    /// <param name="maxTokens">Null: the request names none.</param>
    /// <returns>False: it was refused.</returns>
    /// <exception cref="HttpRequestException">The gateway was gone, or answered what it never should.</exception>
    public async Task<bool> AskAsync(string address, int? maxTokens, bool isStreamed, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address + "/v1/chat/completions") { Content = new StringContent(Body(maxTokens, isStreamed), Encoding.UTF8, "application/json") };
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        if (answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
        {
            Interlocked.Increment(ref _refusals);
            return false;
        }
        answer.EnsureSuccessStatusCode();
        var text = await answer.Content.ReadAsStringAsync(stop);
        Interlocked.Add(ref _tokens, UsageOf(text, isStreamed));
        Interlocked.Increment(ref _answers);
        return true;
    }

    /// <summary>Asks again and again until it is stopped; after a refusal a tenth of a second later.</summary>
    /// <param name="address">Of each request's gateway, by its number.</param>
    public async Task AskOnAsync(Func<int, string> address, Func<int, (int? MaxTokens, bool IsStreamed)> kind, CancellationToken stop)
    {
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var (maxTokens, isStreamed) = kind(number);
            try
            {
                if (await AskAsync(address(number), maxTokens, isStreamed, stop))
                    continue;
            }
            catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException)
            {
                // A gateway that was killed, or the end.
            }
            await Task.Delay(100, CancellationToken.None);
        }
    }

    public void Dispose() => _http.Dispose();

    private static string Body(int? maxTokens, bool isStreamed)
    {
        var most = maxTokens is { } tokens ? string.Create(CultureInfo.InvariantCulture, $"\"max_tokens\":{tokens},") : "";
        var stream = isStreamed ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "";
        return $$"""{"model":"gpt-4o",{{most}}{{stream}}"messages":[{"role":"user","content":"hello there"}]}""";
    }

    private static long UsageOf(string text, bool isStreamed)
    {
        var json = text;
        if (isStreamed)
            json = text.Split('\n').Last(static line => line.Contains("\"usage\":{", StringComparison.Ordinal))["data: ".Length..];
        return JsonDocument.Parse(json).RootElement.GetProperty("usage").GetProperty("total_tokens").GetInt64();
    }
}
