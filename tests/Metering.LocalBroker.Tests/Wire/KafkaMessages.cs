using System.Globalization;
using Metering.LocalBroker.Wire;

namespace Metering.LocalBroker.Tests.Wire;

/// <summary>What Kafka's own classes write and expect (KafkaMessages.java), by call and version.</summary>
internal static class KafkaMessages
{
    private static readonly Dictionary<(ApiKey, short, bool), byte[]> Requests = [];
    private static readonly Dictionary<(ApiKey, short), string> Shapes = [];

    static KafkaMessages()
    {
        using var file = new StreamReader(typeof(KafkaMessages).Assembly.GetManifestResourceStream("kafka-messages.txt")!);
        while (file.ReadLine() is { } line)
        {
            var words = line.Split(' ', 5);
            var (key, version) = ((ApiKey)short.Parse(words[1], CultureInfo.InvariantCulture), short.Parse(words[2], CultureInfo.InvariantCulture));
            if (words[0] == "request")
                Requests[(key, version, words[3] == "full")] = Convert.FromHexString(words[4]);
            else
                Shapes[(key, version)] = line.Split(' ', 4)[3];
        }
        AddOldProduce();
    }

    public static byte[] Request(ApiKey key, short version, bool full) => Requests[(key, version, full)];

    /// <summary>The response's types in order: arrays in brackets, C for the compact form, ? for nullable.</summary>
    public static string ResponseShape(ApiKey key, short version) => Shapes[(key, version)];

    /// <summary>Kafka's newest classes have no Produce before version 3: that without its first field, the transactional id.</summary>
    private static void AddOldProduce()
    {
        for (short version = 0; version < 3; version++)
        {
            foreach (var full in new[] { false, true })
            {
                var third = Request(ApiKey.Produce, 3, full);
                var idBytes = full ? 2 + third[1] : 2;
                Requests[(ApiKey.Produce, version, full)] = third[idBytes..];
            }
        }
        Shapes[(ApiKey.Produce, 0)] = "[ STRING [ INT32 INT16 INT64 ] ]";
        Shapes[(ApiKey.Produce, 1)] = "[ STRING [ INT32 INT16 INT64 ] ] INT32";
        Shapes[(ApiKey.Produce, 2)] = "[ STRING [ INT32 INT16 INT64 INT64 ] ] INT32";
    }
}
