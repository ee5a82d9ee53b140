using System.Buffers;
using System.Text;
using Confluent.Kafka;
using Metering.Client.Sending;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Client;

/// <summary>
/// Sends what a gateway holds and wants of hard limits to the governors: <c>lease-requests</c>, keyed by scope. Requests state levels and
/// are said again until they are answered (R25), so nothing here waits or retries for long. Sending is one thread's.
/// </summary>
public sealed class LeaseRequestSender : IAsyncDisposable
{
    private const string Topic = "lease-requests";

    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MetadataWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushWithin = TimeSpan.FromSeconds(2);

    private readonly IProducer<byte[], byte[]> _producer;
    private readonly RegistryCatalog _registry;
    private readonly string _topic;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly ArrayBufferWriter<byte> _value = new();
    private readonly Task _preparing;
    private volatile int _schemaId;

    public LeaseRequestSender(ControlOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        (_topic, _log, _time) = (options.TopicPrefix + Topic, loggers.CreateLogger<LeaseRequestSender>(), time);
        _registry = new RegistryCatalog(options.Registry);
        _producer = new ProducerBuilder<byte[], byte[]>(Config(options))
            .SetLogHandler((_, entry) => ClientLog.Kafka(_log, entry.Facility, entry.Message))
            .SetErrorHandler((_, error) => ClientLog.KafkaErrorAgain(_log, error.Reason))
            .Build();
        _preparing = PrepareAsync();
    }

    /// <summary>Hands a request to the client. False: it cannot be sent yet; say it again.</summary>
    public bool TrySend(LeaseRequest request)
    {
        if (_schemaId == 0)
            return false;
        _value.ResetWrittenCount();
        WireFormat.Write(_value, _schemaId, request);
        try
        {
            _producer.Produce(_topic, new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(request.Scope), Value = _value.WrittenSpan.ToArray() });
            return true;
        }
        catch (ProduceException<byte[], byte[]> e)
        {
            ClientLog.LeaseRequestNotSent(_log, e.Error.Reason);
            return false;
        }
    }

    /// <summary>Sends what is under way, for at most two seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _preparing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Run(() => _producer.Flush(FlushWithin));
        _producer.Dispose();
        _registry.Dispose();
        _stop.Dispose();
    }

    // The first request for a lease is waited for: it finds its schema known and the producer connected.
    private async Task PrepareAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _schemaId = await _registry.GetIdAsync(_topic + "-value", LeaseRequest.SchemaJson).WaitAsync(_stop.Token);
                using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
                await Task.Run(() => admin.GetMetadata(_topic, MetadataWithin), _stop.Token);
                return;
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                ClientLog.LeaseRequestNotSent(_log, e.Message);
                await Task.Delay(AskAgainAfter, _time, _stop.Token);
            }
        }
    }

    private static ProducerConfig Config(ControlOptions options)
    {
        var config = new ProducerConfig(options.KafkaConfig.ToDictionary(StringComparer.Ordinal))
        {
            BootstrapServers = options.Brokers,
            // As Java's and Go's clients do it: the scope's partition is its governor's.
            Partitioner = Partitioner.Murmur2Random,
            Acks = Acks.Leader,
            // A grant is waited for.
            LingerMs = 0,
            // What is older has been said again.
            MessageTimeoutMs = 5_000,
        };
        config.Set("reconnect.backoff.max.ms", "1000");
        return config;
    }
}
