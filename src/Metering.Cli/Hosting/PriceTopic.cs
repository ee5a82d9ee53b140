using System.Buffers;
using Confluent.Kafka;
using Metering.Cli.Prices;
using Metering.Client.Prices;
using Metering.Core.Pricing;
using Metering.Events;
using Metering.Kafka.Topics;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>
/// The prices that METER uses: the topic <c>prices</c>, read to its end before the first event (R22) and followed from
/// then on. When the topic is empty, the project's own list is put there first.
/// </summary>
internal sealed partial class PriceTopic(Metering.Kafka.KafkaSettings kafka, TopicTable<Price> table, ILogger<PriceTopic> logger, TimeProvider time)
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(200);

    /// <summary>Fills an empty topic from the list that comes with the program.</summary>
    public async Task FillIfEmptyAsync(int schemaId, CancellationToken cancellationToken)
    {
        await table.ReadToEndAsync(cancellationToken);
        if (!table.IsEmpty)
            return;
        var file = BuiltInPrices.Read();
        using var producer = new ProducerBuilder<string, byte[]>(kafka.Producer()).SetLogHandler((_, _) => { }).Build();
        var output = new ArrayBufferWriter<byte>();
        foreach (var model in file.Models)
        {
            output.ResetWrittenCount();
            WireFormat.Write(output, schemaId, PriceRecords.ToRecord(model));
            await producer.ProduceAsync(kafka.Topic(TopicCatalogue.Prices), new Message<string, byte[]> { Key = model.Model, Value = output.WrittenSpan.ToArray() }, cancellationToken);
        }
        LogFilled(logger, file.Models.Count);
        while ((await ReadAsync(cancellationToken)).Models.Count < file.Models.Count)
            await Task.Delay(LookAgainAfter, time, cancellationToken);
    }

    /// <summary>The topic's prices now.</summary>
    public async Task<PriceBook> ReadAsync(CancellationToken cancellationToken)
    {
        var records = await table.SnapshotAsync((key, reason) => LogBad(logger, key, reason), cancellationToken);
        var good = new List<ModelPrices>();
        foreach (var (key, record) in records)
        {
            var model = PriceRecords.FromRecord(record);
            var errors = PriceRules.Check(model);
            if (errors.Count == 0 && key == model.Model)
                good.Add(model);
            else
                LogBad(logger, key, errors.Count > 0 ? string.Join("; ", errors) : $"its model is '{model.Model}', not its key");
        }
        return PriceBook.Create(good);
    }

    /// <summary>Hands on a new book whenever the topic has changed; a registry that is away is waited for.</summary>
    public async Task FollowAsync(ServiceWait wait, string registry, Func<PriceBook, Task> changed, CancellationToken cancellationToken)
    {
        for (var seen = -1L; ; await Task.Delay(LookAgainAfter, time, cancellationToken))
        {
            if (table.Version == seen)
                continue;
            seen = table.Version;
            await changed(await wait.ForAsync(registry, RegistryConnection.IsAway, () => ReadAsync(cancellationToken), cancellationToken));
        }
    }

    [LoggerMessage(9110, LogLevel.Information, "The topic prices was empty: {Models} models from the list that comes with metering")]
    private static partial void LogFilled(ILogger logger, int models);

    [LoggerMessage(9111, LogLevel.Warning, "The price of {Model} is left out: {Reason}")]
    private static partial void LogBad(ILogger logger, string model, string reason);
}

/// <summary><c>infra/prices/prices.json</c>, built into the program.</summary>
internal static class BuiltInPrices
{
    public static PriceFile Read()
    {
        using var stream = typeof(BuiltInPrices).Assembly.GetManifestResourceStream("prices.json")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return PriceFile.Parse("prices.json", bytes);
    }
}
