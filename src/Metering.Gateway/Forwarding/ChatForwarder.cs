using System.Net;
using Metering.Events;
using Metering.Gateway.Answers;
using Metering.Gateway.Exchanges;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Forwarding;

/// <summary>Sends an exchange to its upstream and relays what comes back; whatever happens, the exchange ends.</summary>
internal sealed class ChatForwarder(GatewayOptions options, ExchangeBook book, ILogger log)
{
    public async Task ForwardAsync(HttpContext http, Exchange exchange, Upstream upstream)
    {
        // The hang-up of the client and the sweep's verdict end every wait below.
        using var hangUp = http.RequestAborted.UnsafeRegister(static state => ((Exchange)state!).Cancel(EndReason.ClientGone), exchange);
        HttpResponseMessage answer;
        try
        {
            exchange.WaitsForUpstream(options.AnswerTimeout);
            answer = await upstream.PostChatAsync(exchange.Body!, http.Request.Headers, exchange.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            await NotAnsweredAsync(http, exchange, upstream, e);
            return;
        }
        using (answer)
        {
            try
            {
                await RelayAsync(http, exchange, upstream, answer);
            }
            catch (Exception e)
            {
                // The relays tell of all that an upstream and a client can do; what comes here is over, whatever it was.
                if (!exchange.TryFail(e))
                    GatewayLog.Stumbled(log, e);
                book.GiveUp(exchange);
                http.Abort();
            }
        }
    }

    private Task RelayAsync(HttpContext http, Exchange exchange, Upstream upstream, HttpResponseMessage answer)
    {
        if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            // The body may quote a part of the gateway's own secret.
            GatewayLog.UpstreamRefused(log, upstream.Name, (int)answer.StatusCode);
            book.End(exchange, new ExchangeEnd { Status = Status.Error, WasServed = false });
            return ErrorAnswer.UpstreamRefused.WriteAsync(http).AsTask();
        }
        if (!answer.IsSuccessStatusCode)
            return new WholeRelay(options, book, log).RefusalAsync(http, exchange, upstream, answer);
        if (answer.Content.Headers.ContentType?.MediaType != "text/event-stream")
            return new WholeRelay(options, book, log).RunAsync(http, exchange, upstream, answer);
        if (exchange.IsAssembled)
            return new AssembledRelay(options, book, log).RunAsync(http, exchange, upstream, answer);
        return exchange.Request!.Streams
            ? new StreamRelay(options, book, log).RunAsync(http, exchange, upstream, answer)
            : new WholeRelay(options, book, log).RunAsync(http, exchange, upstream, answer);
    }

    private async Task NotAnsweredAsync(HttpContext http, Exchange exchange, Upstream upstream, Exception error)
    {
        // Who never had a connection had nothing to compute.
        var wasServed = error is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError };
        var reason = exchange.Reason;
        book.End(exchange, new ExchangeEnd { Status = ChatStatus.Of(reason), WasServed = wasServed });
        if (reason == EndReason.ClientGone)
            return;
        GatewayLog.UpstreamFailed(log, upstream.Name, reason == EndReason.TimedOut ? "it did not answer in time" : error.Message);
        var answer = reason switch
        {
            EndReason.TimedOut => ErrorAnswer.UpstreamTimeout,
            EndReason.Stopping => ErrorAnswer.Unavailable("The gateway stops."),
            _ when wasServed => ErrorAnswer.UpstreamBroke,
            _ => ErrorAnswer.UpstreamUnreachable,
        };
        await answer.WriteAsync(http);
    }
}
