using System.Buffers;
using System.Text.Json;
using Metering.Gateway.Hosting;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.MockHost;

/// <summary>Takes the mock's requests.</summary>
internal sealed class MockApplication(MockBehaviour behaviour, TimeProvider time) : PerConnection<ConnectionContext>
{
    private MockBehaviour _behaviour = behaviour;

    public MockBehaviour Behaviour
    {
        get => Volatile.Read(ref _behaviour);
        set => Volatile.Write(ref _behaviour, value);
    }

    public MockCounters Counters { get; } = new();

    public override Task ProcessRequestAsync(ConnectionContext context)
    {
        var http = context.Http;
        return http.Request.Path.Value switch
        {
            "/v1/chat/completions" or "/chat/completions" when HttpMethods.IsPost(http.Request.Method) => ChatAsync(http),
            "/v1/models" or "/models" => WriteAsync(http, StatusCodes.Status200OK, MockAnswers.Models(Behaviour.Models)),
            "/stats" => WriteAsync(http, StatusCodes.Status200OK, JsonSerializer.SerializeToUtf8Bytes(Counters.Read(), MockJson.Default.MockStats)),
            _ => WriteAsync(http, StatusCodes.Status404NotFound, MockAnswers.Error("there is no such path", "invalid_request_error")),
        };
    }

    private async Task ChatAsync(HttpContext http)
    {
        var started = time.GetTimestamp();
        var number = Counters.Arrived();
        var end = MockEnd.HungUp;
        try
        {
            var how = Behaviour;
            if (IsOneOf(number, how.FailShare))
            {
                await WriteAsync(http, how.FailStatus, MockAnswers.Error("the mock fails as it was told to", "server_error"));
                end = MockEnd.Failed;
                return;
            }
            if (await ReadAsync(http) is not { } request)
            {
                await WriteAsync(http, StatusCodes.Status400BadRequest, MockAnswers.Error("the body is no chat request", "invalid_request_error"));
                end = MockEnd.Failed;
                return;
            }
            Counters.TakenUp(request.PromptTokens);
            var answer = new MockAnswer(http, request, how, Counters, time, number, started, Break(number, how));
            end = request.Streams ? await answer.StreamAsync() : await answer.WholeAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException || http.RequestAborted.IsCancellationRequested)
        {
            end = MockEnd.HungUp;
        }
        finally
        {
            Counters.Ended(end);
        }
    }

    private static async ValueTask<MockRequest?> ReadAsync(HttpContext http)
    {
        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (!read.IsCompleted)
            {
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            try
            {
                return read.Buffer.IsSingleSegment ? MockRequest.Parse(read.Buffer.FirstSpan) : MockRequest.Parse(read.Buffer.ToArray());
            }
            catch (Exception e) when (e is JsonException or FormatException)
            {
                return null;
            }
            finally
            {
                reader.AdvanceTo(read.Buffer.End);
            }
        }
    }

    private static MockBreak Break(long number, MockBehaviour how) =>
        IsOneOf(number, how.CutShare) ? MockBreak.Cut : IsOneOf(number, how.HangShare) ? MockBreak.Hang : MockBreak.None;

    private static bool IsOneOf(long number, double share) => share > 0 && Math.Floor(number * share) > Math.Floor((number - 1) * share);

    private static Task WriteAsync(HttpContext http, int status, byte[] json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = json.Length;
        return http.Response.BodyWriter.WriteAsync(json, http.RequestAborted).AsTask();
    }
}

/// <summary>What befalls an answer in its middle.</summary>
internal enum MockBreak
{
    None,
    Cut,
    Hang,
}
