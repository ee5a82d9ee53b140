using Metering.Gateway.Admission;
using Metering.Gateway.Answers;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Keys;
using Metering.Gateway.Requests;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Forwarding;

/// <summary>
/// A chat request's way through the gateway (steps 15 and 16 of the path): (1) its key, (2) its body, (3) admission, (4) the journal, (5) the upstream, whose
/// answer is relayed as it comes, (6) its event. Runs on the thread that reads the sockets and never blocks it.
/// </summary>
internal sealed class ChatHandler(GatewayOptions options, KeyCheck keys, Upstreams upstreams, IAdmission admission, ExchangeBook book, ChatForwarder forwarder, RequestIds ids, TimeProvider time)
{
    private const int HashedBytes = 4096;

    public async Task HandleAsync(HttpContext http)
    {
        var started = time.GetTimestamp();
        var (key, refusal) = keys.Check(http);
        if (key is null)
        {
            await refusal!.WriteAsync(http);
            return;
        }
        var headers = http.Request.Headers;
        var tagsAreGood = RequestTags.TryParse(headers[RequestTags.TagsHeader].ToString(), out var tags);
        var (route, experiment) = (headers[RequestTags.RouteHeader].ToString(), headers[RequestTags.ExperimentHeader].ToString());
        var namesAreGood = RequestTags.Fits(route, Events.EventLimits.MaxNameBytes) && RequestTags.Fits(experiment, Events.EventLimits.MaxNameBytes);
        var exchange = new Exchange(time, started)
        {
            RequestId = ids.Next(),
            Key = key,
            Route = route.Length > 0 && namesAreGood ? route : http.Request.Path.Value!,
            Experiment = experiment.Length > 0 && namesAreGood ? experiment : null,
            Tags = tags,
            Attempt = RequestTags.Attempt(headers[RequestTags.RetryHeader].ToString()),
            ArrivedAtMicros = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
        };
        http.Response.Headers["x-request-id"] = exchange.RequestId;
        if (!tagsAreGood)
            refusal = ErrorAnswer.BadRequest($"{RequestTags.TagsHeader} is not name=value,name=value with at most {Events.EventLimits.MaxTags} names, each once.", RequestTags.TagsHeader);
        else if (!namesAreGood)
            refusal = ErrorAnswer.BadRequest($"{RequestTags.RouteHeader} and {RequestTags.ExperimentHeader} take at most {Events.EventLimits.MaxNameBytes} bytes.", RequestTags.RouteHeader);
        try
        {
            refusal ??= await ReadAsync(http, exchange);
            if (refusal is null)
                await AdmitAsync(http, exchange);
            else
                await RefuseAsync(http, exchange, refusal);
        }
        catch
        {
            // The client went while it sent, or something impossible happened: either way there is one event, and nothing stays reserved.
            book.GiveUp(exchange);
            throw;
        }
    }

    private async ValueTask<ErrorAnswer?> ReadAsync(HttpContext http, Exchange exchange)
    {
        try
        {
            exchange.Body = await BodyReader.ReadAsync(http.Request, options.MaxBodyBytes, http.RequestAborted);
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode == StatusCodes.Status413PayloadTooLarge ? ErrorAnswer.TooLarge(options.MaxBodyBytes) : ErrorAnswer.BadRequest(e.Message, null);
        }
        if (exchange.Body is null)
            return ErrorAnswer.TooLarge(options.MaxBodyBytes);
        try
        {
            exchange.Request = ChatRequestParser.Parse(exchange.Body.Span);
        }
        catch (BadChatRequestException e)
        {
            return ErrorAnswer.BadRequest(e.Message, e.Parameter);
        }
        exchange.User = exchange.Request.User;
        return null;
    }

    private async Task AdmitAsync(HttpContext http, Exchange exchange)
    {
        var request = exchange.Request!;
        var (upstream, model) = upstreams.Find(request.Model);
        (exchange.Model, exchange.Provider) = (model, upstream.Name);
        if (!exchange.Key.Allows(model))
        {
            await RefuseAsync(http, exchange, ErrorAnswer.ModelNotAllowed(model));
            return;
        }
        if (options.HashesPrompts)
            exchange.PromptHash = PromptHash(exchange.Body!.Span[request.Places.Messages.Start..request.Places.Messages.End]);
        AdmissionResult result;
        try
        {
            result = await admission.AdmitAsync(Question(exchange, upstream, model), http.RequestAborted);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            book.Reject(exchange);
            return;
        }
        if (result.Permit is not { } permit)
        {
            await RefuseAsync(http, exchange, ErrorAnswer.Of(result.Refusal!));
            return;
        }
        exchange.Permit = permit;
        if (permit.Limits is { } limits)
            RateLimitHeaders.Write(http.Response.Headers, limits);
        // R28: where the permit may end before the answer does, only a stream can be cut.
        exchange.IsAssembled = !request.Streams && !upstream.Options.HonoursMaxTokens && permit.OutputAllowance < long.MaxValue;
        exchange.Body = ChatRewriter.Apply(exchange.Body!, request, Changes(exchange, permit, upstream, model), out var messages);
        exchange.MessagesPlace = messages;
        if (await book.OpenAsync(exchange) is not null)
        {
            exchange.Dispose();
            await ErrorAnswer.Unavailable("The gateway cannot record usage at the moment.").WriteAsync(http);
            return;
        }
        await forwarder.ForwardAsync(http, exchange, upstream);
    }

    private static AdmissionRequest Question(Exchange exchange, Upstream upstream, string model) => new()
    {
        RequestId = exchange.RequestId,
        Key = exchange.Key,
        Model = model,
        Provider = upstream.Name,
        Route = exchange.Route,
        User = exchange.User,
        Experiment = exchange.Experiment,
        Tags = exchange.Tags,
        Prompt = exchange.Request!.Prompt,
        Choices = exchange.Request.Choices,
        MaxOutputTokens = exchange.Request.MaxOutputTokens,
        Streams = exchange.Request.Streams || !upstream.Options.HonoursMaxTokens,
        HonoursMaxTokens = upstream.Options.HonoursMaxTokens,
        ArrivedAtMicros = exchange.ArrivedAtMicros,
    };

    private static ChatChanges Changes(Exchange exchange, Permit permit, Upstream upstream, string model)
    {
        var request = exchange.Request!;
        // Never more than the client wants.
        var most = permit.MaxOutputTokens is { } paid && !(request.MaxOutputTokens <= paid) ? permit.MaxOutputTokens : null;
        return new ChatChanges(ReferenceEquals(model, request.Model) ? null : model, most, upstream.Options.MaxTokensName, request.Streams || exchange.IsAssembled, exchange.IsAssembled);
    }

    private async Task RefuseAsync(HttpContext http, Exchange exchange, ErrorAnswer answer)
    {
        book.Reject(exchange);
        await answer.WriteAsync(http);
    }

    private static long PromptHash(ReadOnlySpan<byte> messages) =>
        unchecked((long)System.IO.Hashing.XxHash3.HashToUInt64(messages[..Math.Min(messages.Length, HashedBytes)]));
}
