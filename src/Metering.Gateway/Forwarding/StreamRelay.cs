using System.IO.Pipelines;
using Metering.Events;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Requests;
using Metering.Gateway.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Forwarding;

/// <summary>
/// Passes a stream on: each read of the upstream is written and flushed at once, whole events only, so that the gateway can take
/// the chunk of usage out, and end the stream between two events.
/// </summary>
internal sealed class StreamRelay(GatewayOptions options, ExchangeBook book, ILogger log)
{
    // A chunk of a token or two is 200 to 300 bytes; most streams never need more, and each of them holds one.
    private const int FirstBufferBytes = 1024;

    // A host that is faster than we are fills the first: then fewer reads and writes serve more chunks.
    private const int LargerBufferBytes = 16 << 10;

    // No event is larger, unless the host is broken.
    private const int MaxEventBytes = 4 << 20;

    public async Task RunAsync(HttpContext http, Exchange exchange, Upstream upstream, HttpResponseMessage answer)
    {
        var request = exchange.Request!;
        var observer = new StreamObserver(request.Choices, !request.WantsUsage, upstream.Options.HonoursMaxTokens);
        string? failure = null;
        try
        {
            http.Response.StatusCode = StatusCodes.Status200OK;
            http.Response.ContentType = answer.Content.Headers.ContentType!.ToString();
            http.Response.Headers.CacheControl = "no-cache";
            failure = await PassAsync(http.Response, exchange, observer, answer);
        }
        catch (Exception e) when (exchange.TryFail(e))
        {
            failure = e.Message;
        }
        var reason = exchange.Reason;
        End(exchange, observer, reason);
        if (reason == EndReason.UpstreamBroke && failure is not null)
            GatewayLog.UpstreamFailed(log, upstream.Name, failure);
        if (reason is EndReason.UpstreamBroke or EndReason.TimedOut or EndReason.Stopping)
            await BreakOffAsync(http, reason);
    }

    // Returns what was wrong with the stream, when it ended before it was done.
    private async ValueTask<string?> PassAsync(HttpResponse response, Exchange exchange, StreamObserver observer, HttpResponseMessage answer)
    {
        using var buffer = new PooledBytes(FirstBufferBytes);
        var from = await answer.Content.ReadAsStreamAsync(exchange.Token);
        var to = response.BodyWriter;
        var wanted = 1;
        while (true)
        {
            exchange.WaitsForUpstream(options.IdleTimeout);
            var room = buffer.GetMemory(wanted);
            var read = await from.ReadAsync(room, exchange.Token);
            exchange.Heard();
            wanted = read == room.Length ? LargerBufferBytes : 1;
            if (read == 0)
                return AtEnd(exchange, observer, buffer, to) ? null : "it ended a stream before [DONE]";
            buffer.Advance(read);
            // Not before the host has said something: until then its failure has a status of its own.
            if (!response.HasStarted)
                await response.StartAsync(exchange.Token);
            var isCut = PassEvents(to, exchange, observer, buffer, out var hasWritten);
            if (hasWritten)
            {
                var flushed = await to.FlushAsync(exchange.Token);
                if (flushed.IsCompleted)
                    exchange.Cancel(EndReason.ClientGone);
            }
            if (isCut)
            {
                exchange.Cancel(EndReason.Outran);
                return null;
            }
            exchange.Token.ThrowIfCancellationRequested();
            if (buffer.Length > MaxEventBytes)
            {
                exchange.Cancel(EndReason.UpstreamBroke);
                return "it sent an event of more than 4 MB";
            }
        }
    }

    // All whole events of the buffer: neighbours that pass are one copy. True when the stream is cut.
    private static bool PassEvents(PipeWriter to, Exchange exchange, StreamObserver observer, PooledBytes buffer, out bool hasWritten)
    {
        hasWritten = true;
        var bytes = buffer.Span;
        var (passFrom, at, passed) = (0, 0, 0);
        var allowance = exchange.Permit!.OutputAllowance;
        for (var length = SseScanner.FindEnd(bytes); length > 0; length = SseScanner.FindEnd(bytes[at..]))
        {
            var fate = observer.Observe(bytes.Slice(at, length), allowance);
            if (fate != EventFate.Pass)
            {
                to.Put(bytes[passFrom..at]);
                passed += at - passFrom;
                passFrom = at + length;
            }
            at += length;
            if (fate == EventFate.Cut)
            {
                WriteCut(to, exchange, observer);
                buffer.Clear();
                return true;
            }
        }
        to.Put(bytes[passFrom..at]);
        hasWritten = passed + at - passFrom > 0;
        buffer.Consume(at);
        if (observer.HasText)
            exchange.FirstToken();
        exchange.OutputTokens = observer.OutputTokens;
        return false;
    }

    private static void WriteCut(PipeWriter to, Exchange exchange, StreamObserver observer)
    {
        var request = exchange.Request!;
        (long, long)? usage = request.WantsUsage ? (request.Prompt.GuessedTokens, observer.OutputTokens) : null;
        CutChunks.Write(to, observer, exchange.Model, request.Choices, usage);
        exchange.OutputTokens = observer.OutputTokens;
    }

    // A last event may lack its empty line. An end without [DONE] is one only when every choice has finished.
    private static bool AtEnd(Exchange exchange, StreamObserver observer, PooledBytes buffer, PipeWriter to)
    {
        if (buffer.Length > 0 && observer.Observe(buffer.Span, exchange.Permit!.OutputAllowance) == EventFate.Pass)
            to.Put(buffer.Span);
        if (observer.IsDone || observer.IsFinished)
            return true;
        exchange.Cancel(EndReason.UpstreamBroke);
        return false;
    }

    private void End(Exchange exchange, StreamObserver observer, EndReason reason)
    {
        // Whoever hangs up behind [DONE] has had the answer.
        var isWhole = reason == EndReason.None || observer.IsDone;
        book.End(exchange, new ExchangeEnd
        {
            Status = !isWhole ? ChatStatus.Of(reason) : observer.HasError ? Status.Error : Status.Ok,
            WasServed = true,
            Usage = observer.Usage,
            UsageIsFinal = observer.UsageIsFinal,
            ServedModel = observer.Model,
            Text = observer.Text,
            TextBytes = observer.TextBytes,
            LeastOutputTokens = observer.OutputTokens,
        });
    }

    // The client has a part of an answer: it must not take it for the whole.
    private static async ValueTask BreakOffAsync(HttpContext http, EndReason reason)
    {
        var answer = BreakAnswer.Of(reason);
        if (!http.Response.HasStarted)
        {
            http.Response.Clear();
            await answer.WriteAsync(http);
            return;
        }
        var to = http.Response.BodyWriter;
        to.Put("data: "u8);
        to.Put(answer.Body().WrittenSpan);
        to.Put("\n\n"u8);
        await to.FlushAsync(CancellationToken.None);
        http.Abort();
    }
}
