using System.CommandLine;
using System.Globalization;
using Metering.Cli.Operators;
using Metering.Cli.Settings;
using Metering.Core.Keys;

namespace Metering.Cli.Commands;

/// <summary>Makes a key. Its secret is shown once; what is stored is its hash.</summary>
public sealed class KeyCreateCommand : MeteringCommand
{
    private readonly Option<string> _tenant = new("--tenant") { Description = "Whose key it is.", HelpName = "NAME", Required = true };
    private readonly Option<string?> _id = new("--id") { Description = "What events and policies call it. [default: a random one]", HelpName = "ID" };
    private readonly Option<string?> _secretFile = new("--secret-file") { Description = "Holds the secret, of 20 characters at least. [default: a random one is made]", HelpName = "FILE" };
    private readonly Option<string[]> _models = new("--models") { Description = "Those that it may ask for, joined by commas; repeatable. [default: all]", HelpName = "NAME,…" };
    private readonly Option<string?> _expires = new("--expires") { Description = "A day (2027-01-31), a moment (2027-01-31T12:00:00Z), or a time from now (90d). [default: never]", HelpName = "WHEN" };

    public KeyCreateCommand()
        : base("create", "Make a key; its secret is shown once.", KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl)
    {
        foreach (var option in (Option[])[_tenant, _id, _secretFile, _models, _expires])
            Options.Add(option);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var parsed = context.Parsed;
        var id = parsed.GetValue(_id) ?? KeySecrets.MakeId();
        var expiresAt = ExpiresAt(parsed.GetValue(_expires), context.Time.GetUtcNow());
        var secret = parsed.GetValue(_secretFile) is { } file ? KeySecrets.Read(file) : KeySecrets.Make();
        string[] models = [.. (parsed.GetValue(_models) ?? []).SelectMany(static one => one.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Distinct(StringComparer.Ordinal)];
        using var topics = await OperatorTopics.OpenAsync(context, "key", cancellationToken);
        var key = await KeyChange.RunAsync(topics, context, keys => keys.Keys.Any(key => key.Id == id)
            ? throw new CommandFailedException($"there is a key '{id}' already; key rotate gives it a new secret")
            : new ApiKey
            {
                Id = id,
                Tenant = parsed.GetRequiredValue(_tenant),
                SecretHashes = [KeyChange.HashOfNew(keys, secret)],
                Models = models,
                ExpiresAtMicros = expiresAt is { } at ? Moments.Micros(at) : null,
            }, cancellationToken);
        context.Output.Line(new KeySecretLine(key.Id, key.Tenant, secret), OperatorJson.Default.KeySecretLine,
            static line => $"key {line.Id} of {line.Tenant}: {line.Secret}\nIt is shown this once; what is stored is its hash.");
        return ExitCodes.Done;
    }

    /// <exception cref="WrongUsageException">It is no moment to come.</exception>
    internal static DateTimeOffset? ExpiresAt(string? text, DateTimeOffset now)
    {
        if (text is null)
            return null;
        string[] formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];
        DateTimeOffset at;
        if (Durations.TryParse(text, out var duration))
            at = now + duration;
        else if (!DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at))
            throw new WrongUsageException($"--expires \"{text}\" is no moment; write a day as 2027-01-31, a moment as 2027-01-31T12:00:00Z, or a time from now as 90d.");
        return at > now ? at : throw new WrongUsageException($"--expires \"{text}\" is not to come; give a later moment, or leave it out.");
    }
}
