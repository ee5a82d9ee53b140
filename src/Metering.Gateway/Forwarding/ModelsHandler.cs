using System.Buffers;
using System.Text.Json;
using Metering.Gateway.Answers;
using Metering.Gateway.Keys;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Forwarding;

/// <summary><c>/v1/models</c>: what the hosts offer and the key may use; those of another host than the default one with its name
/// before them, as they are asked for. It costs no tokens and makes no event.</summary>
internal sealed class ModelsHandler(KeyCheck keys, Upstreams upstreams, GatewayOptions options, ILogger log)
{
    private const string Path = "/v1/models";

    public async Task HandleAsync(HttpContext http)
    {
        var (key, refusal) = keys.Check(http);
        if (refusal is not null)
        {
            await refusal.WriteAsync(http);
            return;
        }
        var lists = await Task.WhenAll(upstreams.All.Select(upstream => ListAsync(upstream, http.RequestAborted)));
        if (lists.All(static list => list is null))
        {
            await ErrorAnswer.UpstreamUnreachable.WriteAsync(http);
            return;
        }
        var wanted = http.Request.Path.Value!.Length > Path.Length ? http.Request.Path.Value[(Path.Length + 1)..] : null;
        var body = new ArrayBufferWriter<byte>(1024);
        var found = Write(body, lists, key!, wanted);
        foreach (var list in lists)
            list?.Dispose();
        if (wanted is not null && !found)
        {
            await new ErrorAnswer(StatusCodes.Status404NotFound, "invalid_request_error", "model_not_found", $"The model '{wanted}' does not exist", "model").WriteAsync(http);
            return;
        }
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.WrittenCount;
        await http.Response.BodyWriter.WriteAsync(body.WrittenMemory);
    }

    private async Task<JsonDocument?> ListAsync(Upstream upstream, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout + options.ConnectTimeout);
        try
        {
            using var answer = await upstream.GetModelsAsync(limit.Token);
            if (answer.IsSuccessStatusCode)
                return await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(limit.Token), default, limit.Token);
            GatewayLog.UpstreamFailed(log, upstream.Name, FormattableString.Invariant($"its list of models: status {(int)answer.StatusCode}"));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            GatewayLog.UpstreamFailed(log, upstream.Name, "its list of models: " + e.Message);
        }
        return null;
    }

    // One model when it is wanted, else all; true when there was one.
    private bool Write(IBufferWriter<byte> to, JsonDocument?[] lists, ApiKey key, string? wanted)
    {
        using var json = new Utf8JsonWriter(to);
        if (wanted is null)
        {
            json.WriteStartObject();
            json.WriteString("object"u8, "list"u8);
            json.WriteStartArray("data"u8);
        }
        var found = false;
        foreach (var (index, list) in lists.Index())
        {
            if (list is null || list.RootElement.ValueKind != JsonValueKind.Object || !list.RootElement.TryGetProperty("data"u8, out var models) || models.ValueKind != JsonValueKind.Array)
                continue;
            foreach (var model in models.EnumerateArray())
            {
                if (model.ValueKind != JsonValueKind.Object || !model.TryGetProperty("id"u8, out var id) || id.ValueKind != JsonValueKind.String || !key.Allows(id.GetString()!))
                    continue;
                var name = index == 0 ? id.GetString()! : upstreams.All[index].Name + "/" + id.GetString();
                if (wanted is not null && (found || !string.Equals(wanted, name, StringComparison.Ordinal)))
                    continue;
                found = true;
                WriteModel(json, model, name);
            }
        }
        if (wanted is null)
        {
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.Flush();
        return found;
    }

    private static void WriteModel(Utf8JsonWriter json, JsonElement model, string name)
    {
        json.WriteStartObject();
        foreach (var member in model.EnumerateObject())
        {
            if (member.NameEquals("id"u8))
                json.WriteString("id"u8, name);
            else
                member.WriteTo(json);
        }
        json.WriteEndObject();
    }
}
