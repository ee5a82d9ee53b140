using System.Buffers;
using Confluent.Kafka;
using Metering.Cli.Commands;
using Metering.Events;

namespace Metering.Cli.Operators;

/// <summary>One record of a change; without a value it takes its key back.</summary>
internal readonly record struct ChangedRecord(string Key, byte[]? Value)
{
    public static ChangedRecord Of<T>(string key, int schemaId, T record)
        where T : IAvroRecord
    {
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, schemaId, record);
        return new ChangedRecord(key, output.WrittenSpan.ToArray());
    }
}

/// <summary>
/// Changes a small topic: reads it, decides, and writes in one transaction, all or nothing. Commands that do so at the same time
/// take turns: the first that writes is fenced by one that has begun since, and begins anew.
/// </summary>
/// <param name="topic">Without the prefix.</param>
internal sealed class TopicChange(Metering.Kafka.KafkaSettings kafka, string topic, TimeProvider time)
{
    private const int MaxTurns = 20;
    private const int MaxCommitCalls = 5;

    private static readonly TimeSpan CallTimeout = Metering.Kafka.KafkaSettings.TransactionTimeout;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Returns when the brokers have acknowledged all of it.</summary>
    /// <param name="decide">Reads the topic and says what to write; asked again when another command came between.</param>
    /// <exception cref="ServiceUnreachableException">Kafka does not answer.</exception>
    public async Task<T> RunAsync<T>(Func<Task<(T Result, IReadOnlyList<ChangedRecord> Records)>> decide, CancellationToken cancellationToken)
    {
        for (var turn = 1; ; turn++)
        {
            try
            {
                return await RunOnceAsync(decide, cancellationToken);
            }
            catch (KafkaException error) when (IsFenced(error) && turn < MaxTurns)
            {
                await Task.Delay(LongestPause * Random.Shared.NextDouble(), time, cancellationToken);
            }
            catch (KafkaException error) when (error.Error.IsLocalError && !IsFenced(error))
            {
                throw new ServiceUnreachableException("Kafka", kafka.Brokers, error.Error.Reason, "check --brokers, and run the command again: what it does is the same twice", error);
            }
            catch (KafkaException error)
            {
                throw new CommandFailedException($"topic {kafka.Topic(topic)} cannot be written: {error.Error.Reason}", error);
            }
        }
    }

    private async Task<T> RunOnceAsync<T>(Func<Task<(T Result, IReadOnlyList<ChangedRecord> Records)>> decide, CancellationToken cancellationToken)
    {
        using var producer = new ProducerBuilder<string, byte[]?>(kafka.TransactionalProducer("metering-operator-" + topic)).SetLogHandler(static (_, _) => { }).SetErrorHandler(static (_, _) => { }).Build();
        // Before the topic is read: whoever has begun before cannot write any more.
        await CallAsync(() => producer.InitTransactions(CallTimeout));
        var (result, records) = await decide();
        if (records.Count == 0)
            return result;
        await CallAsync(() =>
        {
            producer.BeginTransaction();
            foreach (var record in records)
                producer.Produce(kafka.Topic(topic), new Message<string, byte[]?> { Key = record.Key, Value = record.Value });
            cancellationToken.ThrowIfCancellationRequested();
            // Flushes; a record that was refused aborts.
            Commit(producer);
        });
        return result;
    }

    private static void Commit(IProducer<string, byte[]?> producer)
    {
        for (var call = 1; ; call++)
        {
            try
            {
                producer.CommitTransaction(CallTimeout);
                return;
            }
            catch (KafkaRetriableException) when (call < MaxCommitCalls)
            {
                // Told to ask again: the outcome is not known yet.
            }
            catch (KafkaTxnRequiresAbortException)
            {
                producer.AbortTransaction(CallTimeout);
                throw;
            }
        }
    }

    // The client's calls block.
    private static Task CallAsync(Action call) => Task.Run(call);

    private static bool IsFenced(KafkaException error) => error.Error.Code is
        ErrorCode.Local_Fenced or ErrorCode.ProducerFenced or ErrorCode.InvalidProducerEpoch or ErrorCode.ConcurrentTransactions;
}
