using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Metering.Registry.Model;
using Microsoft.AspNetCore.Http;

namespace Metering.Registry.Service;

/// <summary>One request: its parts checked, its body read, its answer written in the media type that the client takes.</summary>
internal sealed class RegistryCall(HttpContext http)
{
    private const int MostSubjectCharacters = 1024;

    public CancellationToken Aborted => http.RequestAborted;

    public string Subject
    {
        get
        {
            // The server decodes all of a path but the slash.
            var subject = Route("subject").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
            if (subject.Length > MostSubjectCharacters)
                throw RegistryError.InvalidSubject($"it has {subject.Length} characters, {MostSubjectCharacters} are allowed");
            if (subject.AsSpan().Trim().IsEmpty || subject.Any(char.IsControl) || subject is "__GLOBAL" or "__EMPTY")
                throw RegistryError.InvalidSubject("it is empty, reserved or has control characters");
            return subject;
        }
    }

    /// <summary>Null for the latest.</summary>
    public int? Version
    {
        get
        {
            var text = Route("version");
            if (text is "latest" or "-1")
                return null;
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version >= 1
                ? version
                : throw RegistryError.InvalidVersion(SchemaException.Cut(text));
        }
    }

    public int Id => int.TryParse(Route("id"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id)
        ? id
        : throw RegistryError.Http(StatusCodes.Status404NotFound, "HTTP 404 Not Found");

    public bool Flag(string name) => string.Equals(http.Request.Query[name], "true", StringComparison.OrdinalIgnoreCase);

    public string? Query(string name) => http.Request.Query[name];

    public async Task<T> ReadAsync<T>(JsonTypeInfo<T> type) where T : class
    {
        MediaTypes.CheckBody(http.Request);
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, type, Aborted)
                ?? throw RegistryError.Http(StatusCodes.Status400BadRequest, "The body is null; send a JSON object");
        }
        catch (Exception notJson) when (notJson is JsonException or InvalidOperationException)
        {
            throw RegistryError.Http(StatusCodes.Status400BadRequest, $"The body is not the JSON object that this call takes: {SchemaException.Cut(notJson.Message)}");
        }
    }

    public Task AnswerAsync<T>(T body, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = MediaTypes.ForAnswer(http.Request);
        return JsonSerializer.SerializeAsync(http.Response.Body, body, type, Aborted);
    }

    /// <summary>A schema's own text, which is JSON already.</summary>
    public Task AnswerTextAsync(string json)
    {
        http.Response.ContentType = MediaTypes.ForAnswer(http.Request);
        return http.Response.WriteAsync(json, Aborted);
    }

    public Task FailAsync(RegistryError error) =>
        AnswerAsync(new ErrorAnswer(error.Code, error.Message), WireJson.Default.ErrorAnswer, error.Status);

    private string Route(string name) => (string)http.Request.RouteValues[name]!;
}
