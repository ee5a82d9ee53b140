using Metering.Cli.Commands;
using Metering.Client.Keys;
using Metering.Core.Keys;
using Metering.Events;
using Metering.Kafka.Topics;

namespace Metering.Cli.Operators;

/// <summary>Changes one key in the topic <c>keys</c>; returns when the brokers have acknowledged it.</summary>
internal static class KeyChange
{
    /// <param name="change">Makes the key as it will stand of all that there are; asked again when another command came between.</param>
    /// <exception cref="CommandFailedException">The key would break a rule.</exception>
    public static async Task<ApiKey> RunAsync(OperatorTopics topics, CommandContext context, Func<KeyBook, ApiKey> change, CancellationToken cancellationToken)
    {
        var schemaId = await topics.RegisterAsync(TopicCatalogue.Keys, GatewayKey.SchemaJson, cancellationToken);
        return await topics.ChangeOf(TopicCatalogue.Keys).RunAsync(async () =>
        {
            var key = change(await topics.KeysAsync(cancellationToken)) with { ChangedAtMicros = Moments.Micros(context.Time.GetUtcNow()) };
            var errors = KeyRules.Check(key);
            if (errors.Count > 0)
                throw new CommandFailedException(string.Join(Environment.NewLine, errors));
            return (key, (IReadOnlyList<ChangedRecord>)[ChangedRecord.Of(key.Id, schemaId, KeyRecords.ToRecord(key))]);
        }, cancellationToken);
    }

    /// <exception cref="CommandFailedException">There is none.</exception>
    public static ApiKey Find(KeyBook keys, string id) =>
        keys.Keys.FirstOrDefault(key => key.Id == id) ?? throw Unknown.Name("key", id, keys.Keys.Select(static key => key.Id));

    /// <exception cref="CommandFailedException">Another key has this secret.</exception>
    public static string HashOfNew(KeyBook keys, string secret)
    {
        var hash = SecretHash.Of(secret).ToHex();
        return keys.Keys.FirstOrDefault(key => key.SecretHashes.Contains(hash, StringComparer.Ordinal)) is { } other
            ? throw new CommandFailedException($"the key '{other.Id}' has this secret already; give each its own")
            : hash;
    }
}
