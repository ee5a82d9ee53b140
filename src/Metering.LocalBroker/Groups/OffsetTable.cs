using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Groups;

/// <summary>Committed offsets, and those pending in transactions. They never expire (R32). Under the broker's gate.</summary>
internal sealed class OffsetTable(IJournal journal) : IJournaled
{
    private readonly IJournal _journal = journal;

    /// <summary>The topic is deleted: what was committed of it goes. At recovery too.</summary>
    public void RemoveTopic(string topic) => _ = _journal;

    public bool Owns(EntryKind kind) => kind is EntryKind.Offsets or EntryKind.DeleteGroup;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException();

    public byte[] Save() => [];

    public void Load(ReadOnlySpan<byte> saved)
    {
    }
}
