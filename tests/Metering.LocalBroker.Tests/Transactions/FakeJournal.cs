using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Transactions;

/// <summary>A journal in memory. All that was appended is taken for durable; a test cuts it where a crash would.</summary>
internal sealed class FakeJournal : IJournal
{
    public List<(EntryKind Kind, byte[] Payload)> Entries { get; } = [];

    public bool Fails { get; set; }

    public long Last => Entries.Count;

    public long Append(EntryKind kind, ReadOnlySpan<byte> payload)
    {
        if (Fails)
            throw new JournalFailedException("the disk is gone", null);
        Entries.Add((kind, payload.ToArray()));
        return Last;
    }

    public ValueTask WhenDurableAsync(long entry) => default;
}
