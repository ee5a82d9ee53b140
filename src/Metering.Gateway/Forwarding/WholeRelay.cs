using Metering.Events;
using Metering.Gateway.Answers;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Requests;
using Metering.Gateway.Usage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Forwarding;

/// <summary>Passes an answer on that comes in one piece.</summary>
internal sealed class WholeRelay(GatewayOptions options, ExchangeBook book, ILogger log)
{
    private const int FirstBufferBytes = 4096;

    /// <summary>An answer with status 2xx.</summary>
    public async Task RunAsync(HttpContext http, Exchange exchange, Upstream upstream, HttpResponseMessage answer)
    {
        using var body = await ReadAsync(exchange, answer);
        if (body is null)
        {
            GatewayLog.UpstreamFailed(log, upstream.Name, FormattableString.Invariant($"its answer is larger than {options.MaxAnswerBytes} bytes"));
            book.End(exchange, new ExchangeEnd { Status = Status.Error, WasServed = true });
            await ErrorAnswer.UpstreamBroke.WriteAsync(http);
            return;
        }
        if (exchange.Reason != EndReason.None)
        {
            await BrokenAsync(http, exchange, upstream, body);
            return;
        }
        exchange.FirstToken();
        End(exchange, body, Status.Ok);
        await WriteAsync(http, answer, body);
    }

    /// <summary>An answer with another status: the host has refused, or failed, and the client is told in its words.</summary>
    public async Task RefusalAsync(HttpContext http, Exchange exchange, Upstream upstream, HttpResponseMessage answer)
    {
        using var body = await ReadAsync(exchange, answer);
        book.End(exchange, new ExchangeEnd { Status = exchange.Reason == EndReason.ClientGone ? Status.Cancelled : Status.Error, WasServed = false });
        if (exchange.Reason == EndReason.ClientGone)
            return;
        if (body is null || exchange.Reason != EndReason.None)
        {
            await ErrorAnswer.UpstreamBroke.WriteAsync(http);
            return;
        }
        if ((int)answer.StatusCode >= StatusCodes.Status500InternalServerError)
            GatewayLog.UpstreamFailed(log, upstream.Name, FormattableString.Invariant($"status {(int)answer.StatusCode}"));
        await WriteAsync(http, answer, body);
    }

    // Null when it is too large. When it broke off the exchange has its reason, and this is what came before.
    private async ValueTask<PooledBytes?> ReadAsync(Exchange exchange, HttpResponseMessage answer)
    {
        var length = answer.Content.Headers.ContentLength;
        if (length > options.MaxAnswerBytes)
            return null;
        var body = new PooledBytes((int)(length + 1 ?? FirstBufferBytes));
        try
        {
            var from = await answer.Content.ReadAsStreamAsync(exchange.Token);
            while (true)
            {
                exchange.WaitsForUpstream(options.IdleTimeout);
                var read = await from.ReadAsync(body.GetMemory(1), exchange.Token);
                exchange.Heard();
                body.Advance(read);
                if (read == 0)
                    return body;
                if (body.Length <= options.MaxAnswerBytes)
                    continue;
                body.Dispose();
                return null;
            }
        }
        catch (Exception e) when (exchange.TryFail(e))
        {
            return body;
        }
    }

    private async Task BrokenAsync(HttpContext http, Exchange exchange, Upstream upstream, PooledBytes body)
    {
        var reason = exchange.Reason;
        End(exchange, body, ChatStatus.Of(reason));
        if (reason == EndReason.ClientGone)
            return;
        GatewayLog.UpstreamFailed(log, upstream.Name, "it broke off an answer");
        await BreakAnswer.Of(reason).WriteAsync(http);
    }

    private void End(Exchange exchange, PooledBytes body, Status status)
    {
        var isJson = AnswerFacts.TryRead(body.Span, out var facts);
        PooledBytes? text = null;
        var bytes = 0;
        if (facts.Usage is null)
        {
            text = new PooledBytes(body.Length);
            bytes = AnswerText.CollectMessages(body.Span, text);
        }
        book.End(exchange, new ExchangeEnd
        {
            // What is no answer of a model cannot have been served well.
            Status = status == Status.Ok && (!isJson || facts.HasError) ? Status.Error : status,
            WasServed = true,
            Usage = facts.Usage,
            UsageIsFinal = facts.Usage is not null,
            ServedModel = facts.Model,
            Text = text,
            TextBytes = bytes,
        });
    }

    private static async Task WriteAsync(HttpContext http, HttpResponseMessage answer, PooledBytes body)
    {
        http.Response.StatusCode = (int)answer.StatusCode;
        http.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        http.Response.ContentLength = body.Length;
        foreach (var name in (string[])["retry-after", "retry-after-ms", "x-should-retry"])
        {
            if (answer.Headers.TryGetValues(name, out var values))
                http.Response.Headers[name] = values.ToArray();
        }
        await http.Response.BodyWriter.WriteAsync(body.Memory, CancellationToken.None);
    }
}
