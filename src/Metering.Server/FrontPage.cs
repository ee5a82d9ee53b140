using System.Net.Mime;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Server;

/// <summary><c>/</c>: where to go from here, as a page for browsers and as JSON for programs.</summary>
internal static class FrontPage
{
    private static readonly LinkAnswer[] Links =
    [
        new("/metrics", "figures for Prometheus"),
        new("/health/ready", "whether every part gets on, and why not"),
        new("/health/live", "whether the process answers"),
    ];

    private static readonly string Page =
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>metering</title><h1>metering</h1><ul>"
        + string.Concat(Links.Select(link => $"<li><a href=\"{link.Path}\">{link.Path}</a>: {link.Shows}</li>"))
        + "</ul></html>\n";

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/", (RequestDelegate)Answer);

    private static Task Answer(HttpContext context)
    {
        context.Response.Headers.Vary = "Accept";
        if (!context.Request.Headers.Accept.ToString().Contains(MediaTypeNames.Text.Html, StringComparison.OrdinalIgnoreCase))
            return context.Response.WriteAsJsonAsync(new FrontAnswer("metering", Links), FrontJson.Default.FrontAnswer);
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync(Page);
    }
}

internal sealed record LinkAnswer(string Path, string Shows);

internal sealed record FrontAnswer(string Name, IReadOnlyList<LinkAnswer> Links);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(FrontAnswer))]
internal sealed partial class FrontJson : JsonSerializerContext;
