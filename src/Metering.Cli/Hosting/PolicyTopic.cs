using Metering.Client.Policies;
using Metering.Core.Policies;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>The policies that a process acts by: the topic <c>policies</c>, read to its end before the first event or request
/// (R22) and followed from then on. Of one caller at a time.</summary>
internal sealed partial class PolicyTopic(TopicTable<Metering.Events.Policy> table, ILogger<PolicyTopic> logger, TimeProvider time)
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(200);

    private readonly BadRecords _bad = new((key, reason) => LogBad(logger, key, reason));

    /// <summary>Everything that the topic held at the start is in the table.</summary>
    public Task ReadToEndAsync(CancellationToken cancellationToken) => table.ReadToEndAsync(cancellationToken);

    /// <summary>The topic's good policies by name; a bad record is left out with a warning that names it.</summary>
    public async Task<IReadOnlyDictionary<string, Policy>> PoliciesAsync(CancellationToken cancellationToken)
    {
        var good = new Dictionary<string, Policy>(StringComparer.Ordinal);
        foreach (var (key, record) in await table.SnapshotAsync(_bad.Add, cancellationToken))
        {
            var policy = PolicyRecords.FromRecord(record);
            var errors = PolicyRules.Check(policy);
            if (errors.Count == 0 && key == policy.Name)
                good.Add(key, policy);
            else
                _bad.Add(key, errors.Count > 0 ? string.Join("; ", errors) : $"its name is '{policy.Name}', not its key");
        }
        return good;
    }

    /// <summary>The topic's policies now.</summary>
    public async Task<PolicyMatcher> ReadAsync(CancellationToken cancellationToken) => PolicyMatcher.Create((await PoliciesAsync(cancellationToken)).Values);

    /// <summary>Hands on a new matcher whenever the topic has changed; a registry that is away is waited for.</summary>
    public async Task FollowAsync(ServiceWait wait, string registry, Func<PolicyMatcher, Task> changed, CancellationToken cancellationToken)
    {
        for (var seen = -1L; ; await Task.Delay(LookAgainAfter, time, cancellationToken))
        {
            if (table.Version == seen)
                continue;
            seen = table.Version;
            await changed(await wait.ForAsync(registry, RegistryConnection.IsAway, () => ReadAsync(cancellationToken), cancellationToken));
        }
    }

    [LoggerMessage(9150, LogLevel.Warning, "The policy {Policy} is left out: {Reason}")]
    private static partial void LogBad(ILogger logger, string policy, string reason);
}

/// <summary>Tells of each bad record of a topic once, however often the topic is looked at.</summary>
internal sealed class BadRecords(Action<string, string> tell)
{
    private const int MostTold = 1_000;

    private readonly HashSet<(string Key, string Reason)> _told = [];

    public void Add(string key, string reason)
    {
        if (_told.Count < MostTold && _told.Add((key, reason)))
            tell(key, reason);
    }
}
