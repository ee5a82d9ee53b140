using System.CommandLine;
using System.Globalization;
using System.Text;
using Metering.Cli.Operators;
using Metering.Cli.Policies;
using Metering.Cli.Settings;
using Metering.Client.Policies;
using Metering.Events;
using Metering.Kafka.Topics;

namespace Metering.Cli.Commands;

/// <summary>Puts a file of policies in force: all of it or nothing.</summary>
public sealed class PolicyApplyCommand() : PolicyFileCommand("apply", "Put a file of policies in force, all of it or nothing; others stay.")
{
    private protected override async Task<(bool IsApplied, IReadOnlyList<PolicyChange> Changes)> RunAsync(CommandContext context, OperatorTopics topics, PolicyFile file, CancellationToken cancellationToken)
    {
        var schemaId = await topics.RegisterAsync(TopicCatalogue.Policies, Policy.SchemaJson, cancellationToken);
        var changes = await topics.ChangeOf(TopicCatalogue.Policies).RunAsync(async () =>
        {
            var applied = await topics.PoliciesAsync(cancellationToken);
            var plan = PolicyPlan.Make(applied, file.Policies, context.Time.GetUtcNow());
            ChangedRecord[] records = [.. plan.Where(static change => change.Kind != PolicyChangeKind.Unchanged).Select(change => ChangedRecord.Of(change.Policy.Name, schemaId, PolicyRecords.ToRecord(change.Policy)))];
            return (plan, (IReadOnlyList<ChangedRecord>)records);
        }, cancellationToken);
        return (true, changes);
    }
}

/// <summary>Shows what an application would change, and changes nothing.</summary>
public sealed class PolicyPlanCommand() : PolicyFileCommand("plan", "Show what applying a file of policies would change.")
{
    private protected override async Task<(bool IsApplied, IReadOnlyList<PolicyChange> Changes)> RunAsync(CommandContext context, OperatorTopics topics, PolicyFile file, CancellationToken cancellationToken) =>
        (false, PolicyPlan.Make(await topics.PoliciesAsync(cancellationToken), file.Policies, context.Time.GetUtcNow()));
}

/// <summary>A command on a file of policies.</summary>
public abstract class PolicyFileCommand : MeteringCommand
{
    private readonly Argument<string> _file = new("file") { Description = "YAML (docs/policies.md); - is standard input." };
    private readonly Option<bool> _strict = new("--strict") { Description = "Refuse a tenant, key or model that was never seen." };

    private protected PolicyFileCommand(string name, string description)
        : base(name, description, KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl)
    {
        Arguments.Add(_file);
        Options.Add(_strict);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var file = await LoadAsync(context.Parsed.GetRequiredValue(_file), cancellationToken);
        using var topics = await OperatorTopics.OpenAsync(context, "policy", cancellationToken);
        var (keys, models) = (topics.KeysAsync(cancellationToken), topics.NamesAsync<Price>(TopicCatalogue.Prices, cancellationToken));
        await Task.WhenAll(keys, models);
        var seen = new SeenNames((await keys).Keys, await models);
        var unseen = seen.Unseen(file.Policies);
        if (unseen.Count > 0 && context.Parsed.GetValue(_strict))
            throw new CommandFailedException(string.Join(Environment.NewLine, unseen.Append("nothing was applied: --strict refuses what was never seen")));
        var (isApplied, changes) = await RunAsync(context, topics, file, cancellationToken);
        Print(context, isApplied, changes, [.. file.Warnings, .. unseen]);
        return ExitCodes.Done;
    }

    private protected abstract Task<(bool IsApplied, IReadOnlyList<PolicyChange> Changes)> RunAsync(CommandContext context, OperatorTopics topics, PolicyFile file, CancellationToken cancellationToken);

    private static async Task<PolicyFile> LoadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return path is "-" ? PolicyFile.Parse("standard input", Encoding.UTF8.GetBytes(await ReadInputAsync(cancellationToken))) : PolicyFile.Load(path);
        }
        catch (Exception error) when (error is PolicyFileException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(error.Message, error);
        }
    }

    // A read of the console blocks its thread whatever the token says.
    private static Task<string> ReadInputAsync(CancellationToken cancellationToken) => Task.Run(Console.In.ReadToEnd, CancellationToken.None).WaitAsync(cancellationToken);

    private static void Print(CommandContext context, bool isApplied, IReadOnlyList<PolicyChange> changes, IReadOnlyList<string> warnings)
    {
        foreach (var change in changes)
        {
            var line = new PolicyChangeLine(
                change.Policy.Name, change.Kind.ToString().ToLowerInvariant(), Core.Policies.PolicyScopes.Describe(change.Policy.Match), PolicyText.LimitInWords(change.Policy),
                change.Differences.Count == 0 ? null : [.. change.Differences.Select(static one => new FieldChange(one.Field, one.Before, one.After))], Moments.Text(change.Policy.EffectiveAtMicros));
            context.Output.Line(line, OperatorJson.Default.PolicyChangeLine, shown => InWords(shown, change.Waits, isApplied));
        }
        foreach (var warning in warnings)
            context.Output.Note($"warning: {warning}");
        var totals = new PolicyTotalsLine(isApplied, Count(PolicyChangeKind.Added), Count(PolicyChangeKind.Changed), Count(PolicyChangeKind.Unchanged), warnings);
        context.Output.Line(totals, OperatorJson.Default.PolicyTotalsLine, static t => string.Create(CultureInfo.InvariantCulture, $"{(t.Applied ? "" : "plan: ")}{t.Added} added, {t.Changed} changed, {t.Unchanged} unchanged"));

        int Count(PolicyChangeKind kind) => changes.Count(change => change.Kind == kind);
    }

    private static string InWords(PolicyChangeLine line, bool waits, bool isApplied)
    {
        var sign = line.Change switch { "added" => '+', "changed" => '~', _ => '=' };
        var text = new StringBuilder($"{sign} {line.Policy}: {line.Limit} for {line.Scope}");
        foreach (var (field, before, after) in line.Differences ?? [])
            text.Append(CultureInfo.InvariantCulture, $"\n    {field}: {before ?? "(default)"} -> {after ?? "(default)"}");
        if (waits)
            text.Append(CultureInfo.InvariantCulture, $"\n    in force {(isApplied ? "" : "if applied now ")}at {line.EffectiveAt}, when every gateway has heard of it");
        return text.ToString();
    }
}
