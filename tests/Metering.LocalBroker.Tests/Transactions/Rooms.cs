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
        var lines = new List<string>();
        var offsets = new EntryReader(Offsets.Save());
        lines.Add($"commits {offsets.Int64()}");
        for (var groups = offsets.Int32(); groups > 0; groups--)
        {
            var group = offsets.String();
            lines.Add($"group {group}");
            DumpOffsets(lines, $"{group} committed", ref offsets);
            for (var producers = offsets.Int32(); producers > 0; producers--)
                DumpOffsets(lines, $"{group} pending of {offsets.Int64()}", ref offsets);
        }
        var transactions = new EntryReader(Transactions.Save());
        lines.Add($"next id {transactions.Int64()}");
        for (var count = transactions.Int32(); count > 0; count--)
        {
            var producer = TransactionalProducer.Read(ref transactions);
            lines.Add($"{producer.Id} {producer.ProducerId} {producer.Epoch} {producer.State} of {producer.StartedAtMs} {producer.UpdatedAtMs} {producer.TimeoutMs}"
                + $" before {producer.PreviousProducerId} {producer.LastEpoch}"
                + $" in {string.Join(' ', producer.Partitions.Keys)} {string.Join(' ', producer.Groups.Order(StringComparer.Ordinal))}");
        }
        Assert.True(offsets.IsAtEnd && transactions.IsAtEnd);
        lines.Sort(StringComparer.Ordinal);
        lines.AddRange(Partitions.Markers.Select(m => m.ToString()));
        return string.Join('\n', lines);
    }

    private static void DumpOffsets(List<string> lines, string title, ref EntryReader reader)
    {
        for (var count = reader.Int32(); count > 0; count--)
            lines.Add($"{title}: {reader.String()}/{reader.Int32()} {reader.Int64()} {reader.Int32()} {reader.String()} {reader.Int64()}");
    }

    public void Dispose()
    {
        Groups.Dispose();
        Transactions.Dispose();
    }
}

internal sealed record Checkpoint(byte[] Offsets, byte[] Transactions, int Entries, IReadOnlyList<Marker> Markers);
