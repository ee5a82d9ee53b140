using Confluent.Kafka;

namespace Metering.Streamiz.Clients;

/// <summary>A producer that is another one, but for what a derived class says of its transactions.</summary>
internal abstract class ForwardingProducer(IProducer<byte[], byte[]> inner) : IProducer<byte[], byte[]>
{
    private bool _isDisposed;

    protected IProducer<byte[], byte[]> Inner => inner;

    protected bool IsDisposed => _isDisposed;

    public Handle Handle => inner.Handle;

    public string Name => inner.Name;

    public abstract void Produce(TopicPartition topicPartition, Message<byte[], byte[]> message, Action<DeliveryReport<byte[], byte[]>>? deliveryHandler = null);

    public void Produce(string topic, Message<byte[], byte[]> message, Action<DeliveryReport<byte[], byte[]>>? deliveryHandler = null) =>
        Produce(new TopicPartition(topic, Partition.Any), message, deliveryHandler);

    public Task<DeliveryResult<byte[], byte[]>> ProduceAsync(string topic, Message<byte[], byte[]> message, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("Streamiz sends with a handler.");

    public Task<DeliveryResult<byte[], byte[]>> ProduceAsync(TopicPartition topicPartition, Message<byte[], byte[]> message, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("Streamiz sends with a handler.");

    public abstract void InitTransactions(TimeSpan timeout);

    public abstract void BeginTransaction();

    public abstract void SendOffsetsToTransaction(IEnumerable<TopicPartitionOffset> offsets, IConsumerGroupMetadata groupMetadata, TimeSpan timeout);

    public abstract void CommitTransaction(TimeSpan timeout);

    public abstract void CommitTransaction();

    public abstract void AbortTransaction(TimeSpan timeout);

    public abstract void AbortTransaction();

    public int Poll(TimeSpan timeout) => inner.Poll(timeout);

    public int Flush(TimeSpan timeout) => inner.Flush(timeout);

    public void Flush(CancellationToken cancellationToken = default) => inner.Flush(cancellationToken);

    public int AddBrokers(string brokers) => inner.AddBrokers(brokers);

    public void SetSaslCredentials(string username, string password) => inner.SetSaslCredentials(username, password);

    /// <summary>Also a second time: Streamiz may have disposed it, and whoever made it does so again.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        inner.Dispose();
    }
}
