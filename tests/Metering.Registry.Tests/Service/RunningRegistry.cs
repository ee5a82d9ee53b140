using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Metering.Registry.Service;
using Metering.Registry.Tests.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Registry.Tests.Service;

/// <summary>Our registry on a free port and in a folder of its own, and a client that speaks to it.</summary>
internal sealed class RunningRegistry : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private RegistryServer? _server;

    public HttpClient Http { get; } = new();

    public Uri Url => _server!.Url;

    public string DataDirectory => _folder.Path;

    public static async Task<RunningRegistry> StartAsync(string pathBase = "", ILoggerFactory? logs = null)
    {
        var running = new RunningRegistry();
        await running.StartServerAsync(pathBase, logs);
        return running;
    }

    public async Task RestartAsync()
    {
        await _server!.DisposeAsync();
        await StartServerAsync("", null);
    }

    /// <summary>Sends a request; the status, the body's error_code (0 without) and the body.</summary>
    public async Task<(int Status, int Code, JsonElement Body)> SendAsync(string verb, string path, string? body = null, string? contentType = "application/vnd.schemaregistry.v1+json")
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), Url.ToString().TrimEnd('/') + path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        }
        using var answer = await Http.SendAsync(request);
        var json = JsonElement.Parse(await answer.Content.ReadAsStringAsync());
        var code = json.ValueKind == JsonValueKind.Object && json.TryGetProperty("error_code", out var error) ? error.GetInt32() : 0;
        return ((int)answer.StatusCode, code, json);
    }

    public async Task<int> RegisterAsync(string subject, string schema)
    {
        var (status, _, body) = await SendAsync("POST", $"/subjects/{subject}/versions", Body(schema));
        Assert.True(status == 200, body.GetRawText());
        return body.GetProperty("id").GetInt32();
    }

    public static string Body(string schema) => JsonSerializer.Serialize(new { schema });

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server!.DisposeAsync();
        _folder.Dispose();
    }

    private async Task StartServerAsync(string pathBase, ILoggerFactory? logs) => _server = await RegistryServer.StartAsync(new RegistryOptions
    {
        Port = 0,
        PathBase = pathBase,
        DataDirectory = _folder.Path,
        LoggerFactory = logs ?? NullLoggerFactory.Instance,
    });
}
