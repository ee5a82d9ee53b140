using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>Roles wait for a service that is away, and say for which; the live table and readiness show it.</summary>
internal sealed partial class ServiceWait(ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(5);

    private readonly HashSet<string> _waiting = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>What is waited for now, in words.</summary>
    public IReadOnlyList<string> Waiting
    {
        get
        {
            lock (_lock)
                return [.. _waiting.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Repeats an action until the service answers.</summary>
    /// <param name="service">For people, with its address: <c>ClickHouse at http://…</c>.</param>
    /// <param name="isAway">Which exceptions mean that it is away; others are thrown.</param>
    public async Task<T> ForAsync<T>(string service, Func<Exception, bool> isAway, Func<Task<T>> action, CancellationToken cancellationToken)
    {
        for (var pause = FirstPause; ; pause = pause * 2 < MaxPause ? pause * 2 : MaxPause)
        {
            try
            {
                var result = await action();
                Came(service);
                return result;
            }
            catch (Exception error) when (isAway(error) && !cancellationToken.IsCancellationRequested)
            {
                IsAway(service, error);
                await Task.Delay(pause, time, cancellationToken);
            }
        }
    }

    private void IsAway(string service, Exception error)
    {
        lock (_lock)
        {
            if (_waiting.Add(service))
                LogWaiting(logger, service, error.Message);
        }
    }

    private void Came(string service)
    {
        lock (_lock)
        {
            if (_waiting.Remove(service))
                LogCame(logger, service);
        }
    }

    [LoggerMessage(9101, LogLevel.Warning, "Waiting for {Service}: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string service, string reason);

    [LoggerMessage(9102, LogLevel.Information, "{Service} answers")]
    private static partial void LogCame(ILogger logger, string service);
}
