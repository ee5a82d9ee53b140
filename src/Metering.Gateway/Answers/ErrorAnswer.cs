using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Metering.Gateway.Admission;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Answers;

/// <summary>An error as OpenAI's API words it.</summary>
/// <param name="Status">HTTP's.</param>
/// <param name="Type">OpenAI's <c>type</c>.</param>
/// <param name="Code">OpenAI's <c>code</c>; null where it has none.</param>
/// <param name="Message">For the sender of the request.</param>
/// <param name="Parameter">The member at fault.</param>
internal sealed record ErrorAnswer(int Status, string Type, string? Code, string Message, string? Parameter = null)
{
    private const string Invalid = "invalid_request_error";
    private const string Server = "server_error";

    // No HTML: an apostrophe stays one.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>When it may be worth to ask again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Null leaves it to the client.</summary>
    public bool? ShouldRetry { get; init; }

    public RateLimitFigures? Limits { get; init; }

    public static ErrorAnswer BadRequest(string message, string? parameter) => new(StatusCodes.Status400BadRequest, Invalid, null, message, parameter);

    public static ErrorAnswer NoKey { get; } = new(StatusCodes.Status401Unauthorized, Invalid, "invalid_api_key",
        "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");

    public static ErrorAnswer UnknownKey { get; } = new(StatusCodes.Status401Unauthorized, Invalid, "invalid_api_key", "Incorrect API key provided.");

    public static ErrorAnswer ExpiredKey { get; } = new(StatusCodes.Status401Unauthorized, Invalid, "invalid_api_key", "This API key has expired.");

    public static ErrorAnswer BlockedKey { get; } = new(StatusCodes.Status403Forbidden, Invalid, "api_key_blocked", "This API key is blocked.");

    public static ErrorAnswer ModelNotAllowed(string model) => new(StatusCodes.Status403Forbidden, Invalid, "model_not_found", $"This API key does not have access to model `{model}`.");

    public static ErrorAnswer UnknownUrl(string method, string path) =>
        new(StatusCodes.Status404NotFound, Invalid, "unknown_url", $"Unknown request URL: {method} {path}.");

    public static ErrorAnswer WrongMethod(string method, string path) =>
        new(StatusCodes.Status405MethodNotAllowed, Invalid, "method_not_supported", $"Not allowed to {method} on {path}.");

    public static ErrorAnswer TooLarge(long maxBytes) => new(StatusCodes.Status413PayloadTooLarge, Invalid, null,
        string.Create(CultureInfo.InvariantCulture, $"The body of your request is larger than {maxBytes} bytes."));

    public static ErrorAnswer UpstreamUnreachable { get; } = new(StatusCodes.Status502BadGateway, Server, "upstream_unreachable", "The model host could not be reached.");

    public static ErrorAnswer UpstreamBroke { get; } = new(StatusCodes.Status502BadGateway, Server, "upstream_failed", "The model host broke off its answer.");

    public static ErrorAnswer UpstreamRefused { get; } = new(StatusCodes.Status502BadGateway, Server, "upstream_refused", "The model host refused the gateway's credentials.");

    public static ErrorAnswer UpstreamTimeout { get; } = new(StatusCodes.Status504GatewayTimeout, Server, "upstream_timeout", "The model host did not answer in time.");

    public static ErrorAnswer Unavailable(string message) =>
        new(StatusCodes.Status503ServiceUnavailable, Server, "unavailable", message) { RetryAfter = TimeSpan.FromSeconds(1) };

    public static ErrorAnswer Of(Refusal refusal)
    {
        var answer = refusal.Kind switch
        {
            RefusalKind.Rate => new ErrorAnswer(StatusCodes.Status429TooManyRequests, "tokens", "rate_limit_exceeded", refusal.Message),
            // Asking again cannot help: OpenAI's SDKs would, unless they are told.
            RefusalKind.Quota => new ErrorAnswer(StatusCodes.Status429TooManyRequests, "insufficient_quota", "insufficient_quota", refusal.Message) { ShouldRetry = false },
            RefusalKind.ModelNotAllowed => new ErrorAnswer(StatusCodes.Status403Forbidden, Invalid, "model_not_found", refusal.Message),
            RefusalKind.Unbounded => BadRequest(refusal.Message, null),
            _ => new ErrorAnswer(StatusCodes.Status503ServiceUnavailable, Server, "unavailable", refusal.Message),
        };
        return answer with { RetryAfter = refusal.RetryAfter, Limits = refusal.Limits };
    }

    /// <summary>Answers with it. Nothing may have been answered yet.</summary>
    public ValueTask WriteAsync(HttpContext http)
    {
        var response = http.Response;
        response.StatusCode = Status;
        response.ContentType = "application/json";
        if (Limits is not null)
            RateLimitHeaders.Write(response.Headers, Limits);
        if (RetryAfter is { } after)
            RateLimitHeaders.WriteRetryAfter(response.Headers, after);
        if (ShouldRetry is { } again)
            response.Headers["x-should-retry"] = again ? "true" : "false";
        var body = Body();
        response.ContentLength = body.WrittenCount;
        var written = response.BodyWriter.WriteAsync(body.WrittenMemory);
        return written.IsCompletedSuccessfully ? ValueTask.CompletedTask : new ValueTask(written.AsTask());
    }

    /// <summary>The body alone, as a stream's event carries it.</summary>
    public ArrayBufferWriter<byte> Body()
    {
        var body = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(body, Writing);
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, Message);
        json.WriteString("type"u8, Type);
        json.WriteString("param"u8, Parameter);
        json.WriteString("code"u8, Code);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return body;
    }
}
