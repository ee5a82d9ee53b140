using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.MockHost;

/// <summary>One answer of the mock, whole or token by token. A token is the word " token", which o200k counts as one too.</summary>
internal sealed class MockAnswer(
    HttpContext http, MockRequest request, MockBehaviour how, MockCounters counters, TimeProvider time, long number, long started, MockBreak breaks)
{
    private static readonly TimeSpan NoTime = TimeSpan.FromMilliseconds(0.5);
    private const int GatheredTokens = 64;

    private readonly MockAnswers _text = new(request.Model, number);
    private long _unflushed;

    private long Tokens => Math.Min(how.MostTokens, how.HonoursMaxTokens ? request.MaxTokens ?? how.DefaultTokens : how.DefaultTokens);

    // An answer that stops because of the request's maximum says so.
    private bool IsCapped => how.HonoursMaxTokens && request.MaxTokens is { } most && most <= Tokens;

    public async Task<MockEnd> WholeAsync()
    {
        if (breaks != MockBreak.None)
            return await BreakAsync();
        await UntilAsync(how.TokensPerSecond > 0 ? how.TimeToFirstToken + TimeSpan.FromSeconds(Tokens / how.TokensPerSecond) : how.TimeToFirstToken);
        counters.Produced(Tokens * request.Choices);
        var writer = http.Response.BodyWriter;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = _text.WriteWhole(writer, Tokens, request.Choices, IsCapped, how.ReportsUsage ? request.PromptTokens : -1);
        await writer.FlushAsync(http.RequestAborted);
        return MockEnd.Completed;
    }

    public async Task<MockEnd> StreamAsync()
    {
        if (breaks != MockBreak.None && how.BreakAfterTokens == 0)
            return await BreakAsync();
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        await UntilAsync(how.TimeToFirstToken);
        await http.Response.StartAsync(http.RequestAborted);
        var writer = http.Response.BodyWriter;
        var tokens = Tokens;
        for (long done = 0; done < tokens;)
        {
            await PaceAsync(writer, done);
            if (breaks != MockBreak.None && done >= how.BreakAfterTokens)
            {
                await writer.FlushAsync(http.RequestAborted);
                return await BreakAsync();
            }
            var chunk = Math.Min(how.TokensPerChunk, tokens - done);
            for (var choice = 0; choice < request.Choices; choice++)
                _text.WriteChunk(writer, choice, chunk);
            done += chunk;
            counters.Produced(chunk * request.Choices);
            // Without a pace many chunks share a packet, as they would behind a fast host.
            _unflushed += chunk;
            if (how.TokensPerSecond > 0 || _unflushed >= GatheredTokens)
                await FlushAsync(writer);
        }
        for (var choice = 0; choice < request.Choices; choice++)
            _text.WriteLast(writer, choice, IsCapped);
        if (request.IncludesUsage && how.ReportsUsage)
            _text.WriteUsage(writer, request.PromptTokens, tokens * request.Choices);
        MockAnswers.WriteDone(writer);
        await FlushAsync(writer);
        return MockEnd.Completed;
    }

    private async Task<MockEnd> BreakAsync()
    {
        await UntilAsync(how.TimeToFirstToken);
        if (breaks == MockBreak.Hang)
            await Task.Delay(Timeout.InfiniteTimeSpan, time, http.RequestAborted);
        http.Abort();
        return MockEnd.Cut;
    }

    private async ValueTask PaceAsync(PipeWriter writer, long done)
    {
        var due = how.TokensPerSecond > 0 ? how.TimeToFirstToken + TimeSpan.FromSeconds(done / how.TokensPerSecond) : how.TimeToFirstToken;
        if (due <= NoTime || due - time.GetElapsedTime(started) <= NoTime)
            return;
        if (_unflushed > 0)
            await FlushAsync(writer);
        await UntilAsync(due);
    }

    private async ValueTask UntilAsync(TimeSpan due)
    {
        if (due > NoTime && due - time.GetElapsedTime(started) is var left && left > NoTime)
            await Task.Delay(left, time, http.RequestAborted);
    }

    private async ValueTask FlushAsync(PipeWriter writer)
    {
        _unflushed = 0;
        await writer.FlushAsync(http.RequestAborted);
        http.RequestAborted.ThrowIfCancellationRequested();
    }
}
