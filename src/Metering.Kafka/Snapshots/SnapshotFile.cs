using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Metering.Kafka.Snapshots;

/// <summary>Where a snapshot belongs: its mark in the changelog, and the input position of the commit that wrote it.</summary>
/// <param name="MarkOffset">The mark's offset: all of the changelog before it is in the file.</param>
/// <param name="Id">The mark's.</param>
/// <param name="Position">The next input offset.</param>
internal sealed record SnapshotPoint(long MarkOffset, byte[] Id, long Position);

/// <summary>
/// A task's state in a file: "MTRSNAP1", the changelog's partition by name, the point, the number of entries, the entries, and
/// an XxHash3 of all before it. Little-endian. A file that is there is whole: it is written beside, synced, and renamed.
/// </summary>
internal static class SnapshotFile
{
    private const int ChecksumBytes = 8;

    private static ReadOnlySpan<byte> Magic => "MTRSNAP1"u8;

    /// <summary>Replaces the file: whoever dies in it leaves the old one, and a draft that nobody reads.</summary>
    public static void Write(string path, string name, SnapshotPoint point, SnapshotBuffer state)
    {
        var draft = $"{path}.{Convert.ToHexStringLower(point.Id)}.new";
        try
        {
            using (var file = new FileStream(draft, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                var hash = new XxHash3();
                Put(Header(name, point, state.Entries));
                foreach (var chunk in state.Chunks())
                    Put(chunk.Span);
                file.Write(hash.GetCurrentHash());
                file.Flush(flushToDisk: true);

                void Put(ReadOnlySpan<byte> bytes)
                {
                    hash.Append(bytes);
                    file.Write(bytes);
                }
            }
            File.Move(draft, path, overwrite: true);
        }
        catch
        {
            File.Delete(draft);
            throw;
        }
    }

    /// <summary>Drafts that were left by a process that died while it wrote.</summary>
    public static void DeleteDrafts(string path)
    {
        foreach (var draft in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + ".*.new"))
            File.Delete(draft);
    }

    /// <summary>Hands every entry to <paramref name="restore"/>, once the whole file is known to be what was written.</summary>
    /// <exception cref="StaleSnapshotException">Not a file of ours, of another changelog, torn or damaged.</exception>
    public static SnapshotPoint Read(string path, string name, Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> restore)
    {
        // Open all the time: a rename in between changes nothing of what is read.
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1 << 20, FileOptions.SequentialScan);
        CheckWhole(file);
        var read = new Reader(file);
        if (!read.Take(Magic.Length).SequenceEqual(Magic))
            throw new StaleSnapshotException("it is not a snapshot of this version");
        if (Encoding.UTF8.GetString(read.Take(read.Length())) is var owner && owner != name)
            throw new StaleSnapshotException($"it is of {owner}");
        var (offset, position, entries) = (read.Int64(), read.Int64(), read.Int64());
        var id = read.Take(SnapshotMark.Bytes).ToArray();
        for (var i = 0L; i < entries; i++)
        {
            var (keyBytes, valueBytes) = (read.Length(), read.Length());
            var entry = read.Take(keyBytes + valueBytes);
            restore(entry[..keyBytes], entry[keyBytes..]);
        }
        return new(offset, id, position);
    }

    private static void CheckWhole(FileStream file)
    {
        var hash = new XxHash3();
        var buffer = new byte[1 << 18];
        var left = file.Length - ChecksumBytes;
        while (left > 0)
        {
            var bytes = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
            file.ReadExactly(bytes);
            hash.Append(bytes);
            left -= bytes.Length;
        }
        Span<byte> checksum = stackalloc byte[ChecksumBytes];
        if (left < 0 || file.Read(checksum) != ChecksumBytes || !checksum.SequenceEqual(hash.GetCurrentHash()))
            throw new StaleSnapshotException("it is torn or damaged: its checksum does not fit");
        file.Position = 0;
    }

    private static byte[] Header(string name, SnapshotPoint point, long entries)
    {
        var nameBytes = Encoding.UTF8.GetBytes(name);
        var header = new byte[Magic.Length + 4 + nameBytes.Length + (3 * 8) + SnapshotMark.Bytes];
        Magic.CopyTo(header);
        var rest = header.AsSpan(Magic.Length);
        BinaryPrimitives.WriteInt32LittleEndian(rest, nameBytes.Length);
        nameBytes.CopyTo(rest[4..]);
        rest = rest[(4 + nameBytes.Length)..];
        BinaryPrimitives.WriteInt64LittleEndian(rest, point.MarkOffset);
        BinaryPrimitives.WriteInt64LittleEndian(rest[8..], point.Position);
        BinaryPrimitives.WriteInt64LittleEndian(rest[16..], entries);
        point.Id.CopyTo(rest[24..]);
        return header;
    }

    private sealed class Reader(FileStream file)
    {
        private byte[] _buffer = new byte[1 << 12];

        /// <summary>Valid until the next call.</summary>
        public ReadOnlySpan<byte> Take(int count)
        {
            if (count > _buffer.Length)
                _buffer = new byte[count * 2];
            var bytes = _buffer.AsSpan(0, count);
            file.ReadExactly(bytes);
            return bytes;
        }

        public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

        public int Length() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));
    }
}
