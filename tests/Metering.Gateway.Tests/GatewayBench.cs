using System.ClientModel;
using System.ClientModel.Primitives;
using System.Net.Http.Headers;
using System.Text;
using Metering.Events;
using Metering.Gateway.Admission;
using Metering.Gateway.Forwarding;
using Metering.Gateway.Hosting;
using Metering.Gateway.Keys;
using Metering.Gateway.MockHost;
using OpenAI;
using OpenAI.Chat;

namespace Metering.Gateway.Tests;

/// <summary>A gateway before a mock host, with a journal in memory.</summary>
internal sealed class GatewayBench : IAsyncDisposable
{
    public const string Secret = "sk-test-1";

    public required MockModelHost Mock { get; init; }

    public required GatewayServer Gateway { get; init; }

    public required ListJournal Journal { get; init; }

    public required InMemoryKeyDirectory Keys { get; init; }

    public HttpClient Http { get; } = new() { Timeout = TimeSpan.FromSeconds(60) };

    public static async Task<GatewayBench> StartAsync(MockBehaviour? behaviour = null, IAdmission? admission = null, Func<GatewayOptions, GatewayOptions>? configure = null, ListJournal? journal = null)
    {
        var mock = await MockModelHost.StartAsync(behaviour);
        journal ??= new ListJournal();
        var keys = new InMemoryKeyDirectory();
        keys.Set(Secret, new ApiKey { Id = "k_1", Tenant = "acme" });
        var options = new GatewayOptions { Port = 0, Upstreams = [new UpstreamOptions { Name = "mock", Url = new Uri(mock.Address) }] };
        var gateway = await GatewayServer.StartAsync(configure?.Invoke(options) ?? options, new GatewayParts { Keys = keys, Admission = admission ?? new OpenAdmission(), Journal = journal });
        return new GatewayBench { Mock = mock, Gateway = gateway, Journal = journal, Keys = keys };
    }

    /// <summary>OpenAI's own SDK.</summary>
    /// <param name="retries">How often it may try again.</param>
    public ChatClient Chat(string model = "mock-model", string secret = Secret, int retries = 0) => new(model, new ApiKeyCredential(secret), new OpenAIClientOptions
    {
        Endpoint = new Uri(Gateway.Address + "/v1"),
        RetryPolicy = new ClientRetryPolicy(retries),
        NetworkTimeout = TimeSpan.FromSeconds(60),
    });

    /// <summary>A request by hand.</summary>
    public Task<HttpResponseMessage> PostAsync(string json, string? secret = Secret, string path = "/v1/chat/completions", Action<HttpRequestHeaders>? headers = null, CancellationToken cancellationToken = default)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Gateway.Address + path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        if (secret is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        headers?.Invoke(request.Headers);
        return Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    /// <summary>Asks for a stream and reads it to its end, or until it breaks.</summary>
    public async Task<string> StreamAsync(string json)
    {
        using var answer = await PostAsync(json);
        var text = new StringBuilder();
        try
        {
            await using var stream = await answer.Content.ReadAsStreamAsync();
            var buffer = new byte[4096];
            for (var read = await stream.ReadAsync(buffer); read > 0; read = await stream.ReadAsync(buffer))
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        catch (IOException e)
        {
            text.Append("!!").Append(e.GetType().Name);
        }
        catch (HttpRequestException e)
        {
            text.Append("!!").Append(e.GetType().Name);
        }
        return text.ToString();
    }

    /// <summary>The one event that there is.</summary>
    public async Task<TokenEvent> EventAsync()
    {
        var events = await Journal.EventsAsync(1);
        return Assert.Single(events);
    }

    /// <summary>Waits for the mock to have ended everything.</summary>
    public async Task<MockStats> SettledAsync()
    {
        for (var i = 0; Mock.Stats.Active > 0; i++)
        {
            Assert.True(i < 2000, "the mock still serves");
            await Task.Delay(5);
        }
        return Mock.Stats;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Gateway.DisposeAsync();
        await Mock.DisposeAsync();
        Assert.Empty(Journal.Faults);
        Assert.Equal(0, Journal.Open);
    }
}
