using Metering.Cli.Workload;
using Metering.Client;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary><c>up</c>'s own load: events as fitted from real traces, published like anybody's.</summary>
internal sealed partial class LiveWorkload(TokenEventPublisher publisher, WorkloadGenerator generator, ILogger<LiveWorkload> logger, TimeProvider time)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var due = TimeSpan.Zero;
        while (!cancellationToken.IsCancellationRequested)
        {
            var next = generator.Next();
            due += next.Delay;
            if (due - time.GetElapsedTime(start) is var ahead && ahead > TimeSpan.FromMilliseconds(1))
                await Task.Delay(ahead, time, cancellationToken);
            var result = await publisher.PublishAsync(next.Event, cancellationToken);
            if (!result.Accepted)
                LogRefused(logger, result.Status.ToString(), result.Reason);
        }
    }

    [LoggerMessage(9120, LogLevel.Warning, "The workload's event was not taken ({Status}): {Reason}")]
    private static partial void LogRefused(ILogger logger, string status, string? reason);
}
