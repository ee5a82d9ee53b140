using System.Text;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka;
using Metering.Kafka.Topics;
using Metering.Pipeline.Meter.Losses;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Hosting;

/// <summary>The topic <c>source-reports</c> as this process sees it: METER's tasks compare it with what they metered, by
/// <see cref="ReportBook"/>, and the live table shows what is published and not there yet.</summary>
internal sealed partial class ReportTopic(KafkaSettings kafka, RegistryConnection registry, ReportBook book, ILoggerFactory loggers, TimeProvider time)
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(500);

    private const int MaxTold = 1_000;

    private readonly TopicTable<SourceReport> _table = new(kafka, TopicCatalogue.SourceReports, registry, loggers, time);
    private readonly ILogger _logger = loggers.CreateLogger<ReportTopic>();
    private readonly Dictionary<string, (SourceReport Record, EpochReport? Put)> _taken = new(StringComparer.Ordinal);
    private readonly HashSet<string> _bad = new(StringComparer.Ordinal);
    private volatile IReadOnlyDictionary<string, SourceReport> _newest = new Dictionary<string, SourceReport>(StringComparer.Ordinal);
    private volatile Moment? _caughtUp;

    private sealed record Moment(DateTimeOffset At);

    /// <summary>The newest report of each epoch by its key, as of half a second ago.</summary>
    public IReadOnlyDictionary<string, SourceReport> Newest => _newest;

    /// <summary>All that the topic held at this moment is in <see cref="Newest"/>; null before the first time.</summary>
    public DateTimeOffset? CaughtUpAt => _caughtUp?.At;

    /// <summary>Follows the topic until cancelled; a registry that is away is waited for.</summary>
    public async Task RunAsync(ServiceWait wait, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var table = _table.RunAsync(stop.Token);
        var following = FollowAsync(wait, stop.Token);
        var first = await Task.WhenAny(table, following);
        await stop.CancelAsync();
        await Task.WhenAny(Task.WhenAll(table, following)); // the first one's error is told
        await first;
    }

    private async Task FollowAsync(ServiceWait wait, CancellationToken cancellationToken)
    {
        // Old reports that compaction has not removed yet would be told as news.
        await _table.ReadToEndAsync(cancellationToken);
        for (var seen = -1L; ; await Task.Delay(LookAgainAfter, time, cancellationToken))
        {
            // Before the snapshot, which then holds no less.
            var caughtUpAt = _table.CaughtUpAt;
            if (_table.Version != seen)
            {
                seen = _table.Version;
                _newest = await wait.ForAsync(registry.Description, RegistryConnection.IsAway, () => _table.SnapshotAsync(TellBad, cancellationToken), cancellationToken);
                Put(_newest);
            }
            _caughtUp = caughtUpAt is { } at ? new(at) : null;
        }
    }

    private void Put(IReadOnlyDictionary<string, SourceReport> newest)
    {
        foreach (var (key, record) in newest)
        {
            if (_taken.TryGetValue(key, out var taken) && ReferenceEquals(taken.Record, record))
                continue;
            var report = ToReport(record, _table.ArrivedAtMs(key));
            var isGood = book.TryPut(key, report, out var fault);
            if (!isGood)
                TellBad(key, fault!);
            _taken[key] = (record, isGood ? report : taken.Put); // one that cannot be true leaves the last in force
        }
        foreach (var key in _taken.Keys.Where(key => !newest.ContainsKey(key)).ToArray())
        {
            if (_taken[key].Put is { } gone)
                book.Remove(gone);
            _taken.Remove(key);
        }
    }

    // A stamp ahead of our clock would put its verdict off for as long.
    private EpochReport ToReport(SourceReport record, long arrivedAtMs) => new(
        Encoding.UTF8.GetBytes(record.Source), record.Epoch, Math.Min(arrivedAtMs, time.GetUtcNow().ToUnixTimeMilliseconds()), record.LastSequence, record.AcknowledgedSequence, record.InputTokens, record.OutputTokens, record.Closed);

    /// <summary>Once a key: a source that reports nonsense does so every second.</summary>
    private void TellBad(string key, string reason)
    {
        if (_bad.Count < MaxTold && _bad.Add(key))
            LogBad(_logger, key, reason);
    }

    [LoggerMessage(9130, LogLevel.Warning, "The report {Key} of source-reports is left out: {Reason}")]
    private static partial void LogBad(ILogger logger, string key, string reason);
}
