using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Groups;

/// <summary>Committed offsets, and those pending in transactions. They never expire (R32). Under the broker's gate.</summary>
internal sealed class OffsetTable : IJournaled
{
    public bool Owns(EntryKind kind) => kind is EntryKind.Offsets or EntryKind.DeleteGroup;

    public void Apply(EntryKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException();

    public byte[] Save() => throw new NotSupportedException();

    public void Load(ReadOnlySpan<byte> saved) => throw new NotSupportedException();
}
