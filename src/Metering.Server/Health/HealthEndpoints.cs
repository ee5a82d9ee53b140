using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Server.Health;

/// <summary><c>/health/live</c>: the process answers. <c>/health/ready</c>: every part gets on, else 503 and why.</summary>
internal static class HealthEndpoints
{
    public static void Map(IEndpointRouteBuilder routes, IReadOnlyList<IReadinessSource> sources, TimeProvider time)
    {
        routes.MapMethods("/health/live", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(static context =>
            context.Response.WriteAsJsonAsync(new LiveAnswer(true), HealthJson.Default.LiveAnswer)));
        routes.MapMethods("/health/ready", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context =>
        {
            var answer = Ask(sources, time.GetUtcNow());
            context.Response.StatusCode = answer.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.CacheControl = "no-store";
            return context.Response.WriteAsJsonAsync(answer, HealthJson.Default.ReadyAnswer);
        }));
    }

    private static ReadyAnswer Ask(IReadOnlyList<IReadinessSource> sources, DateTimeOffset now)
    {
        var parts = new List<PartAnswer>(sources.Count);
        foreach (var source in sources)
        {
            var report = source.Check(now);
            parts.Add(new PartAnswer(source.Name, report.IsReady, report.Reason));
        }
        // A process without parts has not been told what it does: it is not ready for it.
        return new ReadyAnswer(parts.Count > 0 && parts.TrueForAll(p => p.Ready), parts);
    }
}

internal sealed record LiveAnswer(bool Live);

internal sealed record ReadyAnswer(bool Ready, IReadOnlyList<PartAnswer> Parts);

internal sealed record PartAnswer(string Name, bool Ready, string? Reason);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LiveAnswer))]
[JsonSerializable(typeof(ReadyAnswer))]
internal sealed partial class HealthJson : JsonSerializerContext;
