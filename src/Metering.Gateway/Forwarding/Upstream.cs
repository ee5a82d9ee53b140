using System.Net.Http.Headers;
using Metering.Gateway.Requests;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Forwarding;

/// <summary>One model host as requests go to it.</summary>
internal sealed class Upstream
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    // What helps a host to trace or to answer, and tells it nothing of the client's credentials.
    private static readonly string[] Passed = ["traceparent", "tracestate", "openai-beta", "x-client-request-id"];

    private readonly HttpMessageInvoker _client;
    private readonly string? _authorization;
    private readonly Uri _chat;
    private readonly Uri _models;

    public Upstream(UpstreamOptions options, HttpMessageInvoker client)
    {
        Options = options;
        _client = client;
        _authorization = options.Secret is null ? null : "Bearer " + options.Secret;
        _chat = new Uri(options.Base + "/chat/completions");
        _models = new Uri(options.Base + "/models");
    }

    public UpstreamOptions Options { get; }

    public string Name => Options.Name;

    /// <summary>Returns when the answer's headers have come. The body is sent whole before that, so that its array is free afterwards.</summary>
    public Task<HttpResponseMessage> PostChatAsync(PooledBytes body, IHeaderDictionary headers, CancellationToken cancellationToken)
    {
        var content = new ReadOnlyMemoryContent(body.Memory);
        content.Headers.ContentType = Json;
        var request = Request(HttpMethod.Post, _chat);
        request.Content = content;
        foreach (var name in Passed)
        {
            if (headers.TryGetValue(name, out var values))
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        return _client.SendAsync(request, cancellationToken);
    }

    public Task<HttpResponseMessage> GetModelsAsync(CancellationToken cancellationToken) => _client.SendAsync(Request(HttpMethod.Get, _models), cancellationToken);

    private HttpRequestMessage Request(HttpMethod method, Uri uri)
    {
        // HTTP/1.1: with 2 the answer may begin while the body is still being sent.
        var request = new HttpRequestMessage(method, uri) { Version = System.Net.HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (_authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", _authorization);
        return request;
    }
}
