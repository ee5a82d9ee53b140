using System.Buffers.Binary;
using Metering.Client.Spool;

namespace Metering.LocalBroker.Storage;

/// <summary>The whole state as it was at an entry, and where the journal goes on behind it.</summary>
/// <param name="IsClean">Written at the end: nothing came behind it.</param>
internal sealed record Checkpoint(string ClusterId, long Entry, JournalPosition Position, bool IsClean, IReadOnlyList<byte[]> Rooms)
{
    private const int Version = 1;

    private static ReadOnlySpan<byte> Magic => "MtrState"u8;

    /// <returns>Null when none was ever written.</returns>
    /// <exception cref="InvalidDataException">It is damaged, or of a later version.</exception>
    public static Checkpoint? Read(IFiles files, string path)
    {
        if (!files.Exists(path))
            return null;
        using var file = files.Open(path);
        var bytes = new byte[file.Length];
        if (file.Read(bytes, 0) != bytes.Length || bytes.Length < 16 || !bytes.AsSpan().StartsWith(Magic))
            throw new InvalidDataException($"{path} is not a local broker's state");
        var version = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8));
        if (version > Version)
            throw new InvalidDataException($"{path} was written by a later version ({version}) of the local broker than this ({Version})");
        if (Crc32C.Of(bytes.AsSpan(0, bytes.Length - 4)) != BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4)))
            throw new InvalidDataException($"{path} is damaged: its checksum does not fit; restore the directory from a copy, or begin with an empty one");
        EntryReader from = new(bytes.AsSpan(12, bytes.Length - 16));
        var clusterId = from.String()!;
        var entry = from.Int64();
        JournalPosition position = new(from.Int64(), from.Int64(), (uint)from.Int32());
        var isClean = from.Bool();
        var rooms = new byte[from.Int32()][];
        for (var i = 0; i < rooms.Length; i++)
            rooms[i] = from.Bytes().ToArray();
        return new(clusterId, entry, position, isClean, rooms);
    }

    /// <summary>Replaces the file as a whole: after a power cut the old or the new one is there.</summary>
    /// <returns>Its size.</returns>
    public int Write(IFiles files, string path)
    {
        EntryWriter to = new();
        foreach (var b in Magic)
            to.Byte(b);
        to.Int32(Version).String(ClusterId).Int64(Entry).Int64(Position.Sequence).Int64(Position.Offset).Int32((int)Position.Chain)
            .Bool(IsClean).Int32(Rooms.Count);
        foreach (var room in Rooms)
            to.Bytes(room);
        to.Int32((int)Crc32C.Of(to.Written));
        using (var file = files.Create(path + ".new"))
        {
            file.Write(to.Written, 0);
            file.Sync();
        }
        files.Rename(path + ".new", path);
        files.SyncFolder(Path.GetDirectoryName(path)!);
        return to.Written.Length;
    }
}
