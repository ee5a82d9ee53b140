using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Metering.Registry.Service;

/// <summary>The API's media types: Confluent's own, which is the default, and plain JSON.</summary>
internal static class MediaTypes
{
    private const string V1 = "application/vnd.schemaregistry.v1+json";
    private const string Newest = "application/vnd.schemaregistry+json";
    private const string Json = "application/json";

    /// <summary>A body without a type is taken; one that says it is something else is not.</summary>
    public static void CheckBody(HttpRequest request)
    {
        if (string.IsNullOrEmpty(request.ContentType))
            return;
        if (MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Value?.ToLowerInvariant() is V1 or Newest or Json or "application/octet-stream")
            return;
        throw RegistryError.Http(StatusCodes.Status415UnsupportedMediaType, $"HTTP 415 Unsupported Media Type: send {V1} or {Json}");
    }

    /// <summary>What the client likes best of what we have; a client that takes none of it still gets to read why something failed.</summary>
    public static string ForAnswer(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
            return V1;
        return accepted
            .OrderByDescending(type => type.Quality ?? 1)
            .Select(type => type.MediaType.Value?.ToLowerInvariant())
            .FirstOrDefault(type => type is V1 or Newest or Json) ?? V1;
    }
}
