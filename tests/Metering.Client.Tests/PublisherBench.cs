using Metering.Client.Tests.Sending;
using Metering.Events;

namespace Metering.Client.Tests;

/// <summary>Publishers of one source on one data folder against a fake broker.</summary>
internal sealed class PublisherBench : IDisposable
{
    private readonly TempFolder _folder = new();

    public FakeBroker Broker { get; } = new();

    public ListLogger Log { get; } = new();

    public string DataFolder => _folder.Path;

    public Task<TokenEventPublisher> StartAsync(Action<PublisherOptions>? configure = null, TimeProvider? clock = null)
    {
        var options = new PublisherOptions
        {
            Brokers = "none:1",
            Registry = "http://none",
            Source = "unit",
            DataFolder = _folder.Path,
            Window = 64,
            CloseTimeout = TimeSpan.FromSeconds(5),
            ReportInterval = TimeSpan.FromMilliseconds(50),
        };
        configure?.Invoke(options);
        return TokenEventPublisher.StartAsync(options, Broker, Broker.Connect, Log, clock ?? TimeProvider.System);
    }

    public static TokenEvent Event(int input = 12, int output = 34) =>
        new() { RequestId = "r", Tenant = "acme", Model = "gpt-4o", InputTokens = input, OutputTokens = output };

    public static void Publish(TokenEventPublisher publisher, int events)
    {
        var e = Event();
        for (var i = 0; i < events; i++)
            Assert.Equal(PublishStatus.Accepted, publisher.Publish(e).Status);
    }

    /// <summary>Waits for a state that another thread brings about.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            Assert.False(limit.IsCancellationRequested, "waited in vain until " + what);
            await Task.Delay(5);
        }
    }

    public void Dispose() => _folder.Dispose();
}
