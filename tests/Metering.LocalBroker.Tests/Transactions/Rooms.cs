using System.Globalization;
using System.Text;
using Metering.LocalBroker.Groups;
using Metering.LocalBroker.Storage;
using Metering.LocalBroker.Transactions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Metering.LocalBroker.Tests.Transactions;

/// <summary>Groups, offsets and transactions on a journal in memory, and a clock that a test moves.</summary>
internal sealed class Rooms : IDisposable
{
    public Rooms(FakeTimeProvider? time = null, FakeJournal? journal = null)
    {
        Time = time ?? new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Journal = journal ?? new FakeJournal();
        Offsets = new OffsetTable(Journal);
        Groups = new GroupCoordinator(Gate, Offsets, Time, NullLogger.Instance);
        Transactions = new TransactionCoordinator(Gate, Journal, Partitions, Offsets, Groups, Time, NullLogger.Instance);
    }

    public Lock Gate { get; } = new();

    public FakeTimeProvider Time { get; }

    public FakeJournal Journal { get; }

    public FakePartitions Partitions { get; } = new();

    public OffsetTable Offsets { get; }

    public GroupCoordinator Groups { get; }

    public TransactionCoordinator Transactions { get; }

    public Checkpoint Save() => new(Offsets.Save(), Transactions.Save(), Journal.Entries.Count, [.. Partitions.Markers]);

    /// <summary>The broker dies and comes back from its journal, or from a checkpoint and what was journaled after it.</summary>
    public Rooms Restart(Checkpoint? from = null, bool start = true)
    {
        Dispose();
        return Recover(from, start);
    }

    public Rooms Recover(Checkpoint? from, bool start)
    {
        var journal = new FakeJournal();
        journal.Entries.AddRange(Journal.Entries);
        var rooms = new Rooms(Time, journal);
        if (from is not null)
        {
            rooms.Offsets.Load(from.Offsets);
            rooms.Transactions.Load(from.Transactions);
            rooms.Partitions.Markers.AddRange(from.Markers);
        }
        foreach (var (kind, payload) in journal.Entries.Skip(from?.Entries ?? 0))
        {
            IJournaled room = rooms.Offsets.Owns(kind) ? rooms.Offsets : rooms.Transactions;
            Assert.True(room.Owns(kind));
            room.Apply(kind, payload);
        }
        if (start)
            rooms.Transactions.Start();
        return rooms;
    }

    /// <summary>Lets time pass in small steps, so that what falls due does so in its order.</summary>
    public void Pass(TimeSpan time, int stepMs = 50)
    {
        for (var left = (long)time.TotalMilliseconds; left > 0; left -= stepMs)
            Time.Advance(TimeSpan.FromMilliseconds(Math.Min(left, stepMs)));
    }

    public void PassMs(int milliseconds) => Pass(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>All durable state as text, in an order that does not depend on how it came about.</summary>
    public string Dump()
    {
        var text = new StringBuilder();
        foreach (var group in Offsets.Groups.Order(StringComparer.Ordinal))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"group {group}");
            foreach (var (key, offset) in Offsets.Of(group).OrderBy(o => o.Key))
                text.AppendLine(CultureInfo.InvariantCulture, $"  {key} {offset} pending {Offsets.IsPending(group, key.Topic, key.Partition)}");
        }
        foreach (var listing in Transactions.List().OrderBy(t => t.TransactionalId, StringComparer.Ordinal))
        {
            var described = Transactions.Describe(listing.TransactionalId);
            text.AppendLine(CultureInfo.InvariantCulture, $"{described} {string.Join(' ', described.Partitions)}");
        }
        foreach (var marker in Partitions.Markers)
            text.AppendLine(CultureInfo.InvariantCulture, $"{marker}");
        // A copy that is loaded and saved again is the same, so the saved lengths tell what the lines above do not show.
        text.AppendLine(CultureInfo.InvariantCulture, $"{Offsets.Save().Length} {Transactions.Save().Length}");
        return text.ToString();
    }

    public void Dispose()
    {
        Groups.Dispose();
        Transactions.Dispose();
    }
}

internal sealed record Checkpoint(byte[] Offsets, byte[] Transactions, int Entries, IReadOnlyList<Marker> Markers);
