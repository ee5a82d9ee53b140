using Confluent.Kafka;
using Metering.Cli.Commands;
using Metering.Cli.Settings;
using KafkaSettings = Metering.Kafka.KafkaSettings;

namespace Metering.Cli.Hosting;

/// <summary>Turns the settings into what each part connects by.</summary>
internal static class Connections
{
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);

    public static KafkaSettings Kafka(MeteringSettings settings, string role) => new()
    {
        Brokers = settings.BrokersOrLocal,
        TopicPrefix = settings.Kafka.TopicPrefix,
        Extra = settings.Kafka.Config,
        GroupInstance = settings.Kafka.GroupInstance,
        ClientName = "metering-" + role,
    };

    /// <summary>The address with its secrets, for a client; never print it.</summary>
    public static string WithSecrets(ServiceUrl url)
    {
        var builder = new UriBuilder(url.Uri) { Query = url.Query };
        if (url.User is { } user)
            (builder.UserName, builder.Password) = (Uri.EscapeDataString(user), Uri.EscapeDataString(url.Password ?? ""));
        return builder.Uri.AbsoluteUri;
    }

    /// <summary>For operator commands, which end when Kafka is away; roles wait.</summary>
    /// <exception cref="ServiceUnreachableException">No broker answers.</exception>
    public static void CheckKafka(KafkaSettings kafka)
    {
        using var admin = new AdminClientBuilder(kafka.Admin()).SetLogHandler(static (_, _) => { }).Build();
        try
        {
            admin.GetMetadata(AnswerWithin);
        }
        catch (KafkaException error)
        {
            throw new ServiceUnreachableException("Kafka", kafka.Brokers, error.Error.Reason, "check --brokers", error);
        }
    }
}
