using System.Collections.Concurrent;
using Metering.Core;
using Metering.Core.Sources;

namespace Metering.Pipeline.Meter.Losses;

/// <summary>
/// The newest SourceReport of each epoch, for METER's tasks of this process: the host keeps it current. A report's key is
/// source/epoch, so it lies in another partition than the source's events, and each process has the whole topic. Here
/// they lie by the partition of their source's events. One thread writes, any read.
/// </summary>
/// <param name="partitions">Of <c>token-events</c>.</param>
public sealed class ReportBook(int partitions)
{
    private readonly ConcurrentDictionary<Key, Entry>[] _byPartition = [.. Enumerable.Range(0, partitions).Select(_ => new ConcurrentDictionary<Key, Entry>())];
    private readonly long[] _versions = new long[partitions];

    private readonly record struct Entry(EpochReport Report, long Version);

    /// <summary>Takes a report in place of the epoch's last; one that cannot be true is refused.</summary>
    /// <param name="key">The record's: source/epoch.</param>
    /// <param name="fault">What is wrong, for the log.</param>
    public bool TryPut(string key, EpochReport report, out string? fault)
    {
        fault = report.Fault;
        if (fault is null && !IsKeyOf(key, report))
            fault = $"its key is '{key}', its content is of {System.Text.Encoding.UTF8.GetString(report.Source)}/{report.Epoch}";
        if (fault is not null)
            return false;
        var partition = Murmur2.PartitionOf(report.Source, partitions);
        var version = _versions[partition] + 1;
        var epoch = new Key(report.Source, report.Epoch);
        // A source may repeat itself: what it says is as old as when it said so first.
        if (_byPartition[partition].TryGetValue(epoch, out var former) && former.Report.SettledSequence == report.SettledSequence)
            report = report with { ArrivedAtMs = Math.Min(former.Report.ArrivedAtMs, report.ArrivedAtMs) };
        _byPartition[partition][epoch] = new Entry(report, version);
        Volatile.Write(ref _versions[partition], version);
        return true;
    }

    public void Remove(EpochReport report)
    {
        var partition = Murmur2.PartitionOf(report.Source, partitions);
        _byPartition[partition].TryRemove(new Key(report.Source, report.Epoch), out _);
    }

    /// <summary>Grows with each report of a source whose events lie in this partition.</summary>
    public long VersionOf(int partition) => Volatile.Read(ref _versions[partition]);

    public EpochReport? Find(int partition, byte[] source, long epoch) => _byPartition[partition].TryGetValue(new Key(source, epoch), out var entry) ? entry.Report : null;

    /// <summary>What has come after a version; more may come meanwhile.</summary>
    public IEnumerable<EpochReport> Since(int partition, long version)
    {
        foreach (var (_, entry) in _byPartition[partition])
        {
            if (entry.Version > version)
                yield return entry.Report;
        }
    }

    private static bool IsKeyOf(string key, EpochReport report)
    {
        var slash = key.LastIndexOf('/');
        return slash >= 0 && key[(slash + 1)..] == report.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture)
            && System.Text.Encoding.UTF8.GetBytes(key[..slash]).AsSpan().SequenceEqual(report.Source);
    }

    private readonly struct Key(byte[] source, long epoch) : IEquatable<Key>
    {
        private readonly byte[] _source = source;
        private readonly long _epoch = epoch;

        public bool Equals(Key other) => _epoch == other._epoch && _source.AsSpan().SequenceEqual(other._source);

        public override bool Equals(object? obj) => obj is Key other && Equals(other);

        public override int GetHashCode() => HashCode.Combine(_epoch, Utf8Comparer.Instance.GetHashCode(_source));
    }
}
