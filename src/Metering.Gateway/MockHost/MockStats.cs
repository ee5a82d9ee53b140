using System.Text.Json.Serialization;

namespace Metering.Gateway.MockHost;

/// <summary>What a mock model host has really done since it started; <c>/stats</c>.</summary>
public sealed record MockStats
{
    /// <summary>Chat requests that arrived.</summary>
    public required long Requests { get; init; }

    /// <summary>Under way now.</summary>
    public required long Active { get; init; }

    /// <summary>Answered to the end.</summary>
    public required long Completed { get; init; }

    /// <summary>Answered with an error status on purpose.</summary>
    public required long Failed { get; init; }

    /// <summary>Cut by the host on purpose.</summary>
    public required long Cut { get; init; }

    /// <summary>The client went before the end.</summary>
    public required long HungUp { get; init; }

    /// <summary>Of all requests that were taken up.</summary>
    public required long PromptTokens { get; init; }

    /// <summary>Produced and sent, in answers that were broken off too.</summary>
    public required long CompletionTokens { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MockStats))]
internal sealed partial class MockJson : JsonSerializerContext;

/// <summary>The counters behind <see cref="MockStats"/>. All threads.</summary>
internal sealed class MockCounters
{
    private long _requests;
    private long _active;
    private long _completed;
    private long _failed;
    private long _cut;
    private long _hungUp;
    private long _promptTokens;
    private long _completionTokens;

    /// <summary>The request's number, from 1.</summary>
    public long Arrived()
    {
        Interlocked.Increment(ref _active);
        return Interlocked.Increment(ref _requests);
    }

    public void TakenUp(long promptTokens) => Interlocked.Add(ref _promptTokens, promptTokens);

    public void Produced(long tokens) => Interlocked.Add(ref _completionTokens, tokens);

    public void Ended(MockEnd end)
    {
        Interlocked.Decrement(ref _active);
        switch (end)
        {
            case MockEnd.Completed:
                Interlocked.Increment(ref _completed);
                break;
            case MockEnd.Failed:
                Interlocked.Increment(ref _failed);
                break;
            case MockEnd.Cut:
                Interlocked.Increment(ref _cut);
                break;
            default:
                Interlocked.Increment(ref _hungUp);
                break;
        }
    }

    public MockStats Read() => new()
    {
        Requests = Interlocked.Read(ref _requests),
        Active = Interlocked.Read(ref _active),
        Completed = Interlocked.Read(ref _completed),
        Failed = Interlocked.Read(ref _failed),
        Cut = Interlocked.Read(ref _cut),
        HungUp = Interlocked.Read(ref _hungUp),
        PromptTokens = Interlocked.Read(ref _promptTokens),
        CompletionTokens = Interlocked.Read(ref _completionTokens),
    };
}

/// <summary>How a request to the mock ended.</summary>
internal enum MockEnd
{
    Completed,
    Failed,
    Cut,
    HungUp,
}
