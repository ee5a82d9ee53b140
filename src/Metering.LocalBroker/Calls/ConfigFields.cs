using Metering.LocalBroker.Topics;

namespace Metering.LocalBroker.Calls;

/// <summary>Settings as Kafka's calls number them.</summary>
internal static class ConfigFields
{
    public const sbyte TopicResource = 2;
    public const sbyte BrokerResource = 4;

    public const sbyte TopicSource = 1;
    public const sbyte StaticBrokerSource = 4;
    public const sbyte DefaultSource = 5;

    public static sbyte SourceOf(in ConfigEntry entry) => entry.IsDefault ? DefaultSource : TopicSource;
}
