using System.Diagnostics;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Topics;

/// <summary>An admin client that remembers why it cannot connect: its calls only say that they timed out.</summary>
internal sealed class ClusterAdmin : IDisposable
{
    private volatile string? _lastError;
    private Task _work = Task.CompletedTask;

    public ClusterAdmin(KafkaSettings settings)
    {
        Client = new AdminClientBuilder(settings.Admin())
            .SetErrorHandler((_, error) => Remember(error))
            .SetLogHandler((_, _) => { })
            .Build();
    }

    public IAdminClient Client { get; }

    public string? LastError() => _lastError;

    /// <summary>Notes work of several calls, one at a time: whoever does not wait for it any more may still dispose of the client.</summary>
    public Task<T> Keep<T>(Task<T> work)
    {
        _work = work;
        return work;
    }

    // That all brokers are down follows from an error that says why: it must not hide that one.
    private void Remember(Error error)
    {
        if (error.Code != ErrorCode.Local_AllBrokersDown || _lastError is null)
            _lastError = error.Reason;
    }

    /// <summary>Frees the client once its work has ended: a call to a freed one crashes the process.</summary>
    public void Dispose() =>
        _ = _work.ContinueWith((_, client) => ((IAdminClient)client!).Dispose(), Client, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}

/// <summary>Waits for a broker that is away, and says for what.</summary>
internal static partial class BrokerWait
{
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Runs <paramref name="attempt"/> until the broker answers it.</summary>
    /// <exception cref="KafkaUnavailableException">It did not within <paramref name="timeout"/>.</exception>
    public static async Task<T> ForAsync<T>(KafkaSettings settings, Func<string?> lastError, TimeSpan timeout, ILogger logger, TimeProvider time, Func<Task<T>> attempt, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        while (true)
        {
            var work = attempt();
            try
            {
                return await (timeout == Timeout.InfiniteTimeSpan ? work.WaitAsync(cancellationToken) : work.WaitAsync(Left(), time, cancellationToken));
            }
            catch (Exception e) when (IsAway(e) || e is TimeoutException)
            {
                var reason = lastError() ?? e.Message;
                if (timeout != Timeout.InfiniteTimeSpan && time.GetElapsedTime(start) >= timeout)
                {
                    // The client's own request ends by itself; nobody waits for it any more.
                    _ = work.ContinueWith(static done => Debug.WriteLine(done.Exception?.Message), TaskScheduler.Default);
                    throw new KafkaUnavailableException($"Kafka at {settings.Brokers} did not answer within {timeout.TotalSeconds:0.#} s: {reason}", e);
                }
                LogWaiting(logger, settings.Brokers, reason);
                await Task.Delay(Pause, time, cancellationToken);
            }
        }

        TimeSpan Left()
        {
            var left = timeout - time.GetElapsedTime(start);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    public static bool IsAway(Exception e) => e switch
    {
        CreateTopicsException many => many.Results.Exists(r => IsAway(r.Error)),
        DescribeConfigsException many => many.Results.Exists(r => IsAway(r.Error)),
        KafkaException one => IsAway(one.Error),
        _ => false,
    };

    public static bool IsAway(Error error) => error.Code is
        ErrorCode.Local_Transport or ErrorCode.Local_Partial or ErrorCode.Local_AllBrokersDown or ErrorCode.Local_TimedOut or ErrorCode.Local_Resolve
        or ErrorCode.Local_Authentication or ErrorCode.Local_Ssl or ErrorCode.Local_TimedOutQueue or ErrorCode.Local_WaitCoord
        // A node that died leaves the cluster's metadata, and what was queued for it ends so.
        or ErrorCode.Local_DestroyBroker
        // A partition's new leader, and who still takes it for the old one.
        or ErrorCode.OffsetNotAvailable or ErrorCode.FencedLeaderEpoch or ErrorCode.UnknownLeaderEpoch or ErrorCode.ListenerNotFound
        or ErrorCode.RequestTimedOut or ErrorCode.LeaderNotAvailable or ErrorCode.NotLeaderForPartition or ErrorCode.BrokerNotAvailable
        or ErrorCode.GroupLoadInProgress or ErrorCode.GroupCoordinatorNotAvailable or ErrorCode.NotCoordinatorForGroup
        or ErrorCode.NotController or ErrorCode.NetworkException or ErrorCode.KafkaStorageError or ErrorCode.ReplicaNotAvailable
        or ErrorCode.InvalidReplicationFactor or ErrorCode.NotEnoughReplicas;

    [LoggerMessage(2102, LogLevel.Warning, "waiting for Kafka at {Brokers}: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string brokers, string reason);
}
