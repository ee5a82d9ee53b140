using Metering.Events;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Metering.Client.Hosting;

/// <summary>The publisher as a part of a host: starts and closes with it.</summary>
internal sealed class HostedPublisher(IOptions<PublisherOptions> options, TimeProvider clock, ILoggerFactory? logs = null) : IHostedService, ITokenEventPublisher
{
    private TokenEventPublisher? _publisher;

    public PublisherStats Stats => Started.Stats;

    private TokenEventPublisher Started => _publisher ?? throw new InvalidOperationException("the host has not started yet: events can be published once its services run");

    public async Task StartAsync(CancellationToken cancellationToken) =>
        _publisher = await TokenEventPublisher.StartAsync(options.Value, logs, clock);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_publisher is not null)
            await _publisher.DisposeAsync();
    }

    public PublishResult Publish(TokenEvent tokenEvent) => Started.Publish(tokenEvent);

    public ValueTask<PublishResult> PublishAsync(TokenEvent tokenEvent, CancellationToken cancellation) => Started.PublishAsync(tokenEvent, cancellation);

    public Task<bool> FlushAsync(TimeSpan timeout, CancellationToken cancellation) => Started.FlushAsync(timeout, cancellation);
}
