using System.Diagnostics;
using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Sending;

/// <summary>
/// One idempotent producer. Per event it allocates what Confluent's Produce does and nothing else: value arrays are kept
/// by length (librdkafka copies them within the call), and each slot has its delegate for life.
/// </summary>
internal sealed class KafkaTransport : IEventTransport
{
    private const int LongestKept = 4096;
    private static readonly TimeSpan SaidAgainAfter = TimeSpan.FromSeconds(30);

    private readonly IProducer<byte[], byte[]> _producer;
    private readonly IDeliverySink _sink;
    private readonly string _eventTopic;
    private readonly string _reportTopic;
    private readonly Action<DeliveryReport<byte[], byte[]>>[] _onDelivered;
    private readonly byte[]?[] _valueByLength = new byte[]?[LongestKept];
    private readonly Message<byte[], byte[]> _message;
    private readonly Dictionary<ErrorCode, long> _saidAt = [];
    private readonly Lock _life = new();
    private bool _isGone;

    public KafkaTransport(PublisherOptions options, IDeliverySink sink, int slots, ILogger log)
    {
        _sink = sink;
        _eventTopic = options.TopicPrefix + "token-events";
        _reportTopic = options.TopicPrefix + "source-reports";
        _message = new Message<byte[], byte[]> { Key = Encoding.UTF8.GetBytes(options.Source) };
        _onDelivered = new Action<DeliveryReport<byte[], byte[]>>[slots];
        for (var i = 0; i < slots; i++)
        {
            var slot = i;
            _onDelivered[i] = report => OnDelivered(slot, report);
        }
        _producer = new ProducerBuilder<byte[], byte[]>(Config(options, slots))
            .SetErrorHandler((_, error) => OnError(error, log))
            .SetLogHandler((_, entry) => ClientLog.Kafka(log, entry.Facility, entry.Message))
            .Build();
    }

    public bool TrySend(ReadOnlySpan<byte> value, int slot)
    {
        var array = value.Length < LongestKept ? _valueByLength[value.Length] ??= new byte[value.Length] : new byte[value.Length];
        value.CopyTo(array);
        _message.Value = array;
        try
        {
            _producer.Produce(_eventTopic, _message, _onDelivered[slot]);
            return true;
        }
        catch (ProduceException<byte[], byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
        {
            return false;
        }
    }

    /// <summary>From the reporter's thread, while the sender may replace this transport: the client looks at no reference of its
    /// handle, and a call on one that was freed may never return.</summary>
    public Task SendReportAsync(byte[] key, byte[] value)
    {
        lock (_life)
        {
            ObjectDisposedException.ThrowIf(_isGone, this);
            return _producer.ProduceAsync(_reportTopic, new Message<byte[], byte[]> { Key = key, Value = value });
        }
    }

    public void Dispose()
    {
        lock (_life)
            _isGone = true;
        _producer.Dispose();
    }

    private static ProducerConfig Config(PublisherOptions options, int slots)
    {
        var config = new ProducerConfig
        {
            BootstrapServers = options.Brokers,
            ClientId = options.Source,
            // A broker's restart neither loses, doubles nor reorders what is in flight.
            Acks = Acks.All,
            EnableIdempotence = true,
            // Java's and Go's partitioner: a source lives in one partition (R5), whoever writes it.
            Partitioner = Partitioner.Murmur2Random,
            // Never: a message that timed out would leave a gap behind which later ones were already sent. The spool is the patience.
            MessageTimeoutMs = 0,
            // A few milliseconds fill batches; the pipeline commits every 50.
            LingerMs = 5,
            CompressionType = CompressionType.Lz4,
            // The window, with room for reports.
            QueueBufferingMaxMessages = slots + 1024,
            // Only the error is read.
            DeliveryReportFields = "none",
            // A broker that restarts is back within seconds; the default of 10 s delays the return.
            ReconnectBackoffMaxMs = 1000,
            // Small requests at low rates are not held back by the kernel.
            SocketNagleDisable = true,
        };
        foreach (var (name, value) in options.KafkaConfig)
            config.Set(name, value);
        return config;
    }

    private void OnDelivered(int slot, DeliveryReport<byte[], byte[]> report)
    {
        if (report.Error.IsError)
            _sink.Failed(report.Error.Reason);
        else
            _sink.Delivered(slot);
    }

    // On the producer's own thread. A broker that is away is met again by every connection, several times a second: it is said
    // once in a while, and each occurrence only for those who look for it.
    private void OnError(Error error, ILogger log)
    {
        if (error.IsFatal)
        {
            _sink.Failed("fatal: " + error.Reason);
            return;
        }
        if (_saidAt.TryGetValue(error.Code, out var said) && Stopwatch.GetElapsedTime(said) < SaidAgainAfter)
        {
            ClientLog.KafkaErrorAgain(log, error.Reason);
            return;
        }
        _saidAt[error.Code] = Stopwatch.GetTimestamp();
        ClientLog.KafkaError(log, error.Reason);
    }
}
