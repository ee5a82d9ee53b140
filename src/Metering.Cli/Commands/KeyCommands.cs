using System.CommandLine;
using System.Globalization;
using Metering.Cli.Operators;
using Metering.Cli.Settings;
using Metering.Core.Keys;

namespace Metering.Cli.Commands;

/// <summary>All keys, a line each; no secrets, and no hashes.</summary>
public sealed class KeyListCommand() : MeteringCommand("list", "All keys, without their secrets.",
    KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl)
{
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var topics = await OperatorTopics.OpenAsync(context, "key", cancellationToken);
        var keys = await topics.KeysAsync(cancellationToken);
        foreach (var key in keys.Keys)
            KeyLines.Print(context, key);
        if (keys.Keys.Count == 0)
            context.Output.Note("there is no key; ./metering key create --tenant NAME");
        return ExitCodes.Done;
    }
}

/// <summary>Blocks a key, or takes that back; in force at every gateway within a second.</summary>
public sealed class KeyBlockCommand : MeteringCommand
{
    private readonly bool _isBlocked;
    private readonly Argument<string> _id = new("id");

    public KeyBlockCommand(bool isBlocked)
        : base(isBlocked ? "block" : "unblock", isBlocked ? "Refuse a key from now on." : "Take a key again.", KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl)
    {
        _isBlocked = isBlocked;
        Arguments.Add(_id);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var topics = await OperatorTopics.OpenAsync(context, "key", cancellationToken);
        var key = await KeyChange.RunAsync(topics, context, keys => KeyChange.Find(keys, context.Parsed.GetRequiredValue(_id)) with { IsBlocked = _isBlocked }, cancellationToken);
        KeyLines.Print(context, key);
        return ExitCodes.Done;
    }
}

/// <summary>Gives a key a new secret. The one before goes on, so that its users can change over, until the next rotation or
/// <c>--drop-old</c>.</summary>
public sealed class KeyRotateCommand : MeteringCommand
{
    private readonly Argument<string> _id = new("id");
    private readonly Option<string?> _secretFile = new("--secret-file") { Description = "Holds the new secret, of 20 characters at least. [default: a random one is made]", HelpName = "FILE" };
    private readonly Option<bool> _dropOld = new("--drop-old") { Description = "The secrets before end at once." };

    public KeyRotateCommand()
        : base("rotate", "Give a key a new secret, shown once; the one before goes on until the next rotation.", KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl)
    {
        Arguments.Add(_id);
        Options.Add(_secretFile);
        Options.Add(_dropOld);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var secret = context.Parsed.GetValue(_secretFile) is { } file ? KeySecrets.Read(file) : KeySecrets.Make();
        var dropsOld = context.Parsed.GetValue(_dropOld);
        using var topics = await OperatorTopics.OpenAsync(context, "key", cancellationToken);
        var key = await KeyChange.RunAsync(topics, context, keys => Rotate(keys, KeyChange.Find(keys, context.Parsed.GetRequiredValue(_id)), secret, dropsOld), cancellationToken);
        context.Output.Line(new KeySecretLine(key.Id, key.Tenant, secret), OperatorJson.Default.KeySecretLine,
            line => $"key {line.Id} of {line.Tenant}: {line.Secret}\nIt is shown this once. {(dropsOld ? "Older secrets have ended." : "The secret before goes on until the next rotation; rotate with --drop-old ends it at once.")}");
        return ExitCodes.Done;
    }

    internal static ApiKey Rotate(KeyBook keys, ApiKey key, string secret, bool dropsOld)
    {
        var hash = KeyChange.HashOfNew(keys, secret);
        return key with { SecretHashes = dropsOld ? [hash] : [hash, key.SecretHashes[0]] };
    }
}

internal static class KeyLines
{
    public static void Print(CommandContext context, ApiKey key)
    {
        var line = new KeyLine(key.Id, key.Tenant, key.IsBlocked, key.Models, key.ExpiresAtMicros is { } at ? Moments.Text(at) : null, key.SecretHashes.Count, Moments.Text(key.ChangedAtMicros));
        context.Output.Line(line, OperatorJson.Default.KeyLine, static shown => string.Create(CultureInfo.InvariantCulture,
            $"{shown.Id} of {shown.Tenant}{(shown.Blocked ? ", blocked" : "")}{(shown.Models.Count == 0 ? "" : $", for {string.Join(", ", shown.Models)}")}{(shown.ExpiresAt is null ? "" : $", until {shown.ExpiresAt}")}{(shown.Secrets == 1 ? "" : ", in rotation")}"));
    }
}
