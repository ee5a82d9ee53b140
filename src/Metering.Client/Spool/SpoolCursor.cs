using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Metering.Client.Spool;

/// <summary>A place in the spool, and the last record before it: (0, 0) when there is none in that epoch.</summary>
internal readonly record struct SpoolPosition(long Segment, long Offset, long Epoch, long Sequence);

/// <summary>
/// Up to where the broker has acknowledged, in a file of two slots written in turn: a torn write spoils one slot and
/// leaves the other. One small pwrite is cheap enough to follow every acknowledgement (a rename is not), so that a restart
/// after kill -9 resends at most what was in flight. It is synced only before segments are deleted: after a power cut it may
/// be old, which resends more.
/// </summary>
internal sealed class SpoolCursor : IDisposable
{
    private const int SlotBytes = 44;
    private const int SlotDistance = 512;
    private readonly SafeFileHandle _handle;
    private long _writes;

    private SpoolCursor(SafeFileHandle handle, long writes, SpoolPosition? position)
    {
        _handle = handle;
        _writes = writes;
        Position = position;
    }

    /// <summary>What was read at opening; null when no slot is whole.</summary>
    public SpoolPosition? Position { get; }

    public static SpoolCursor Open(string folder)
    {
        var handle = File.OpenHandle(Path.Combine(folder, "cursor"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        long writes = 0;
        SpoolPosition? position = null;
        Span<byte> slot = stackalloc byte[SlotBytes];
        for (var i = 0; i < 2; i++)
        {
            if (RandomAccess.Read(handle, slot, i * SlotDistance) < SlotBytes
                || BinaryPrimitives.ReadUInt32LittleEndian(slot[40..]) != Crc32C.Of(slot[..40]))
                continue;
            var number = BinaryPrimitives.ReadInt64LittleEndian(slot);
            if (number <= writes)
                continue;
            writes = number;
            position = new SpoolPosition(
                BinaryPrimitives.ReadInt64LittleEndian(slot[8..]), BinaryPrimitives.ReadInt64LittleEndian(slot[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(slot[24..]), BinaryPrimitives.ReadInt64LittleEndian(slot[32..]));
        }
        return new SpoolCursor(handle, writes, position);
    }

    public void Write(in SpoolPosition position)
    {
        _writes++;
        Span<byte> slot = stackalloc byte[SlotBytes];
        BinaryPrimitives.WriteInt64LittleEndian(slot, _writes);
        BinaryPrimitives.WriteInt64LittleEndian(slot[8..], position.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(slot[16..], position.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(slot[24..], position.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(slot[32..], position.Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[40..], Crc32C.Of(slot[..40]));
        RandomAccess.Write(_handle, slot, (_writes & 1) * SlotDistance);
    }

    public void Flush() => RandomAccess.FlushToDisk(_handle);

    public void Dispose() => _handle.Dispose();
}
