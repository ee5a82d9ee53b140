namespace Metering.LocalBroker.Storage;

/// <summary>What an entry of the journal says. A number is never used again for another meaning.</summary>
internal enum EntryKind : byte
{
    /// <summary>A batch appended to a partition (TopicTable).</summary>
    Batch = 1,
    CreateTopic = 2,
    AddPartitions = 3,
    DeleteTopic = 4,
    ConfigureTopic = 5,

    /// <summary>A partition's first offset moved up: retention, or records deleted by a client (TopicTable).</summary>
    LogStart = 6,

    /// <summary>Segments replaced by compacted ones (TopicTable).</summary>
    Compacted = 7,

    /// <summary>Offsets committed by a group (OffsetTable).</summary>
    Offsets = 16,

    /// <summary>A group and its offsets removed (OffsetTable).</summary>
    DeleteGroup = 17,

    /// <summary>A producer id given out, or a transaction begun or enlarged (TransactionCoordinator).</summary>
    Transaction = 32,

    /// <summary>Offsets sent within a transaction, pending until its end (TransactionCoordinator).</summary>
    TransactionOffsets = 33,

    /// <summary>The end of a transaction: its markers in all its partitions and its offsets, in one entry, so whole or not at all (R32).</summary>
    EndTransaction = 34,
}

/// <summary>
/// The one order in which everything durable happens: batches, topics, offsets, transactions. What is on disk after a crash
/// is always a prefix of it. Appending is done under the broker's gate and never waits for the disk.
/// </summary>
internal interface IJournal
{
    /// <summary>Appends an entry and returns its number. Under the gate; the caller applies the entry to its room itself.</summary>
    /// <exception cref="JournalFailedException">The disk failed; nothing was appended.</exception>
    long Append(EntryKind kind, ReadOnlySpan<byte> payload);

    /// <summary>The number of the last entry appended.</summary>
    long Last { get; }

    /// <summary>Completes when all entries up to this number are durable, as the mode says: on disk, or written to the
    /// operating system. At once when they are already.</summary>
    /// <exception cref="JournalFailedException">The disk failed before they were: nobody may be told that they happened.</exception>
    ValueTask WhenDurableAsync(long entry);
}

/// <summary>
/// State that lives in memory and comes back from the journal. <see cref="Apply"/> is called by the room itself when it
/// appends an entry, and again at recovery: nothing but the entry and the state before it may decide what it does.
/// </summary>
internal interface IJournaled
{
    /// <summary>True when entries of this kind are this room's.</summary>
    bool Owns(EntryKind kind);

    void Apply(EntryKind kind, ReadOnlySpan<byte> payload);

    /// <summary>The whole state, for a checkpoint. Under the gate.</summary>
    byte[] Save();

    /// <summary>Replaces the state by a saved one.</summary>
    void Load(ReadOnlySpan<byte> saved);
}

/// <summary>The disk refused a write or a sync. The broker answers KAFKA_STORAGE_ERROR until it has recovered.</summary>
internal sealed class JournalFailedException(string message, Exception? inner) : IOException(message, inner);
