using Metering.Client.Keys;
using Metering.Core.Keys;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>The keys that gateways take: the topic <c>keys</c>, read to its end before the first request (R22) and followed from
/// then on. Of one caller at a time.</summary>
internal sealed partial class KeyTopic(TopicTable<GatewayKey> table, ILogger<KeyTopic> logger, TimeProvider time)
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(200);

    private readonly BadRecords _bad = new((key, reason) => LogBad(logger, key, reason));

    /// <summary>Everything that the topic held at the start is in the table.</summary>
    public Task ReadToEndAsync(CancellationToken cancellationToken) => table.ReadToEndAsync(cancellationToken);

    /// <summary>The topic's keys now; a bad record is left out with a warning that names it: its secrets are nobody's.</summary>
    public async Task<KeyBook> ReadAsync(CancellationToken cancellationToken)
    {
        var good = new List<ApiKey>();
        foreach (var (id, record) in await table.SnapshotAsync(_bad.Add, cancellationToken))
        {
            var key = KeyRecords.FromRecord(record);
            var errors = KeyRules.Check(key);
            if (errors.Count == 0 && id == key.Id)
                good.Add(key);
            else
                _bad.Add(id, errors.Count > 0 ? string.Join("; ", errors) : $"its id is '{key.Id}', not its key");
        }
        return KeyBook.Create(good);
    }

    /// <summary>Hands on a new book whenever the topic has changed; a registry that is away is waited for.</summary>
    public async Task FollowAsync(ServiceWait wait, string registry, Func<KeyBook, Task> changed, CancellationToken cancellationToken)
    {
        for (var seen = -1L; ; await Task.Delay(LookAgainAfter, time, cancellationToken))
        {
            if (table.Version == seen)
                continue;
            seen = table.Version;
            await changed(await wait.ForAsync(registry, RegistryConnection.IsAway, () => ReadAsync(cancellationToken), cancellationToken));
        }
    }

    [LoggerMessage(9151, LogLevel.Warning, "The key {Key} is left out: {Reason}")]
    private static partial void LogBad(ILogger logger, string key, string reason);
}
