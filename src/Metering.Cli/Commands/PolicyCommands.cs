using System.CommandLine;
using Metering.Cli.Operators;
using Metering.Cli.Policies;
using Metering.Cli.Settings;
using Metering.Core.Policies;
using Metering.Kafka.Topics;

namespace Metering.Cli.Commands;

/// <summary>The policies that are applied, a line each.</summary>
public sealed class PolicyListCommand() : MeteringCommand("list", "The policies that are applied.",
    KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl)
{
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var topics = await OperatorTopics.OpenAsync(context, "policy", cancellationToken);
        var policies = await topics.PoliciesAsync(cancellationToken);
        foreach (var policy in policies.Values.OrderBy(static policy => policy.Name, StringComparer.Ordinal))
        {
            context.Output.Line(PolicyJson.Of(policy), OperatorJson.Default.JsonObject,
                _ => $"{policy.Name}: {PolicyText.LimitInWords(policy)} for {PolicyScopes.Describe(policy.Match)}{(policy.IsShadow ? ", in shadow" : "")}");
        }
        if (policies.Count == 0)
            context.Output.Note("no policy is applied; ./metering policy apply FILE");
        return ExitCodes.Done;
    }
}

/// <summary>One policy, as a file would have it.</summary>
public sealed class PolicyShowCommand : MeteringCommand
{
    private readonly Argument<string> _name = new("name");

    public PolicyShowCommand()
        : base("show", "One policy, as a file would have it.", KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl) =>
        Arguments.Add(_name);

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var name = context.Parsed.GetRequiredValue(_name);
        using var topics = await OperatorTopics.OpenAsync(context, "policy", cancellationToken);
        var policies = await topics.PoliciesAsync(cancellationToken);
        if (!policies.TryGetValue(name, out var policy))
            throw Unknown.Name("policy", name, policies.Keys);
        context.Output.Line(PolicyJson.Of(policy), OperatorJson.Default.JsonObject,
            _ => $"# applied {Moments.Text(policy.AppliedAtMicros)}, in force from {Moments.Text(policy.EffectiveAtMicros)}\n{PolicyText.File(policy)}");
        return ExitCodes.Done;
    }
}

/// <summary>Takes a policy back.</summary>
public sealed class PolicyDeleteCommand : MeteringCommand
{
    private readonly Argument<string> _name = new("name");

    public PolicyDeleteCommand()
        : base("delete", "Take a policy back.", KnownSettings.Brokers, KnownSettings.KafkaConfig, KnownSettings.TopicPrefix, KnownSettings.RegistryUrl) =>
        Arguments.Add(_name);

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var name = context.Parsed.GetRequiredValue(_name);
        using var topics = await OperatorTopics.OpenAsync(context, "policy", cancellationToken);
        await topics.ChangeOf(TopicCatalogue.Policies).RunAsync(async () =>
        {
            // A record that nobody can read can be deleted too.
            var names = await topics.NamesAsync<Metering.Events.Policy>(TopicCatalogue.Policies, cancellationToken);
            return names.Contains(name, StringComparer.Ordinal) ? (name, (IReadOnlyList<ChangedRecord>)[new ChangedRecord(name, null)]) : throw Unknown.Name("policy", name, names);
        }, cancellationToken);
        context.Output.Line(new PolicyDeletedLine(name), OperatorJson.Default.PolicyDeletedLine, static line => $"deleted {line.Deleted}");
        return ExitCodes.Done;
    }
}

/// <summary>Something by a name that is not there.</summary>
internal static class Unknown
{
    public static CommandFailedException Name(string what, string name, IEnumerable<string> known) =>
        new($"there is no {what} {Shown.Of(name)}{(NearestName.Of(name, known) is { } nearest ? $"; did you mean {nearest}?" : $"; {what} list shows those that are there")}");
}
