using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Metering.Testing;

/// <summary>A Kafka of our own with a SASL listener, ACLs, and one user who may do everything by them.</summary>
public sealed class SaslKafkaFixture() : KafkaFixture($"{User}:{Password}")
{
    public const string User = "metering";
    public const string Password = "a-password-of-tests";

    // librdkafka's RD_KAFKA_RESOURCE_TRANSACTIONAL_ID, which Confluent.Kafka has no name for.
    private const ResourceType TransactionalId = (ResourceType)5;

    /// <summary>What <c>--kafka-config</c> would say.</summary>
    public static IReadOnlyDictionary<string, string> Extra { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["security.protocol"] = "SASL_PLAINTEXT",
        ["sasl.mechanism"] = "PLAIN",
        ["sasl.username"] = User,
        ["sasl.password"] = Password,
    };

    /// <summary>Lets <see cref="User"/> do everything; without it, nothing.</summary>
    public async Task AllowAsync()
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Brokers }).Build();
        var everything = new[] { ResourceType.Topic, ResourceType.Group, TransactionalId, ResourceType.Broker };
        await admin.CreateAclsAsync(everything.Select(type => new AclBinding
        {
            Pattern = new() { Type = type, Name = type == ResourceType.Broker ? "kafka-cluster" : "*", ResourcePatternType = ResourcePatternType.Literal },
            Entry = new() { Principal = "User:" + User, Host = "*", Operation = AclOperation.All, PermissionType = AclPermissionType.Allow },
        }));
    }
}
