using System.Buffers;
using Metering.Events;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Requests;
using Metering.Gateway.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Forwarding;

/// <summary>
/// Streams from a host that does not keep to its maximum, for a client that wants one whole answer: the stream is cut where its
/// permit ends (R28), and what has come is put together.
/// </summary>
internal sealed class AssembledRelay(GatewayOptions options, ExchangeBook book, ILogger log)
{
    private const int FirstBufferBytes = 16 << 10;

    public async Task RunAsync(HttpContext http, Exchange exchange, Upstream upstream, HttpResponseMessage answer)
    {
        var choices = exchange.Request!.Choices;
        var observer = new StreamObserver(choices, stripsUsage: false, upstream.Options.HonoursMaxTokens);
        var assembler = new AnswerAssembler(choices);
        string? failure = null;
        try
        {
            failure = await ReadAsync(exchange, observer, assembler, answer);
        }
        catch (Exception e) when (exchange.TryFail(e))
        {
            failure = e.Message;
        }
        if (failure is not null)
            exchange.Cancel(EndReason.UpstreamBroke);
        var reason = exchange.Reason;
        var isAnswer = reason is EndReason.None or EndReason.Outran;
        // Before the end gives the observer's text back.
        var body = isAnswer ? Whole(exchange, observer, assembler, isCut: reason == EndReason.Outran) : null;
        End(exchange, observer, reason);
        if (body is not null)
        {
            await WriteAsync(http, body);
            return;
        }
        if (reason == EndReason.UpstreamBroke)
            GatewayLog.UpstreamFailed(log, upstream.Name, failure ?? "it broke off an answer");
        if (reason == EndReason.ClientGone)
            return;
        await BreakAnswer.Of(reason).WriteAsync(http);
    }

    // Returns what was wrong with the stream.
    private async ValueTask<string?> ReadAsync(Exchange exchange, StreamObserver observer, AnswerAssembler assembler, HttpResponseMessage answer)
    {
        using var buffer = new PooledBytes(FirstBufferBytes);
        var from = await answer.Content.ReadAsStreamAsync(exchange.Token);
        for (long bytes = 0; ;)
        {
            exchange.WaitsForUpstream(options.IdleTimeout);
            var read = await from.ReadAsync(buffer.GetMemory(1), exchange.Token);
            exchange.Heard();
            buffer.Advance(read);
            bytes += read;
            if (bytes > options.MaxAnswerBytes)
                return FormattableString.Invariant($"its answer is larger than {options.MaxAnswerBytes} bytes");
            var (isCut, isGood) = Take(exchange, observer, assembler, buffer, isLast: read == 0);
            if (!isGood || observer.HasError)
                return "it sent what is no chunk of an answer";
            if (isCut)
            {
                exchange.Cancel(EndReason.Outran);
                return null;
            }
            if (read == 0)
                return observer.IsDone || observer.IsFinished ? null : "it ended a stream before [DONE]";
        }
    }

    private static (bool IsCut, bool IsGood) Take(Exchange exchange, StreamObserver observer, AnswerAssembler assembler, PooledBytes buffer, bool isLast)
    {
        var at = 0;
        var allowance = exchange.Permit!.OutputAllowance;
        while (at < buffer.Length)
        {
            var length = SseScanner.FindEnd(buffer.Span[at..]);
            if (length <= 0 && isLast)
                length = buffer.Length - at; // a last event may lack its empty line
            if (length <= 0)
                break;
            var sse = buffer.Memory.Slice(at, length);
            at += length;
            if (observer.Observe(sse.Span, allowance) == EventFate.Cut)
                return (true, true);
            var data = SseScanner.Data(sse.Span);
            if (!data.IsEmpty && data[0] == (byte)'{' && !assembler.TryAdd(data.ToArray()))
                return (false, false);
        }
        buffer.Consume(at);
        if (observer.HasText)
            exchange.FirstToken();
        exchange.OutputTokens = observer.OutputTokens;
        return (false, true);
    }

    private static ArrayBufferWriter<byte> Whole(Exchange exchange, StreamObserver observer, AnswerAssembler assembler, bool isCut)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        assembler.WriteTo(body, exchange.Model, isCut ? (exchange.Request!.Prompt.GuessedTokens, observer.OutputTokens) : null);
        return body;
    }

    private void End(Exchange exchange, StreamObserver observer, EndReason reason) => book.End(exchange, new ExchangeEnd
    {
        Status = reason == EndReason.None ? Status.Ok : ChatStatus.Of(reason),
        WasServed = true,
        Usage = observer.Usage,
        UsageIsFinal = observer.UsageIsFinal && reason == EndReason.None,
        ServedModel = observer.Model,
        Text = observer.Text,
        TextBytes = observer.TextBytes,
        LeastOutputTokens = observer.OutputTokens,
    });

    private static async Task WriteAsync(HttpContext http, ArrayBufferWriter<byte> body)
    {
        http.Response.StatusCode = StatusCodes.Status200OK;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.WrittenCount;
        await http.Response.BodyWriter.WriteAsync(body.WrittenMemory, CancellationToken.None);
    }
}
