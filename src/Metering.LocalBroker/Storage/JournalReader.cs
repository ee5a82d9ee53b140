using System.Globalization;

namespace Metering.LocalBroker.Storage;

/// <summary>Reads a journal back: from a checkpoint's place through the files in their sequence, to the first record that is not whole.</summary>
internal sealed class JournalReader
{
    private readonly IFiles _files;
    private readonly Dictionary<long, (string Path, uint Chain, bool Synced)> _bySequence = [];

    public JournalReader(IFiles files, string folder)
    {
        _files = files;
        Span<byte> header = stackalloc byte[JournalFormat.FileHeaderBytes];
        foreach (var name in files.Files(folder))
        {
            if (!long.TryParse(Path.GetFileNameWithoutExtension(name), NumberStyles.None, CultureInfo.InvariantCulture, out _))
                continue;
            var path = Path.Combine(folder, name);
            using var file = files.Open(path);
            var read = file.Read(header, 0);
            if (JournalFormat.ReadFileHeader(header[..read]) is { } found)
                _bySequence[found.Sequence] = (path, found.Chain, found.Synced);
        }
        LastSequence = _bySequence.Count > 0 ? _bySequence.Keys.Max() : 0;
    }

    public delegate void EntryHandler(EntryKind kind, ReadOnlySpan<byte> payload);

    /// <summary>The highest number of a file, in use or left over.</summary>
    public long LastSequence { get; private set; }

    /// <returns>The last whole entry.</returns>
    /// <exception cref="InvalidDataException">The journal was on disk as a whole, and is damaged.</exception>
    public long Replay(Checkpoint checkpoint, EntryHandler apply)
    {
        LastSequence = Math.Max(LastSequence, checkpoint.Position.Sequence);
        var (sequence, offset, chain) = checkpoint.Position;
        var entry = checkpoint.Entry;
        while (_bySequence.TryGetValue(sequence, out var found))
        {
            // A header of another chain is of an earlier start that wrote no more than it.
            if (offset == JournalFormat.FileHeaderBytes && found.Chain != chain)
                break;
            var bytes = ReadAll(found.Path);
            while (offset < bytes.Length
                && JournalFormat.TryReadRecord(bytes.AsSpan((int)offset), chain, entry + 1, out var kind, out var payload, out var newChain))
            {
                apply(kind, payload);
                (chain, entry) = (newChain, entry + 1);
                offset += JournalFormat.RecordHeaderBytes + payload.Length;
            }
            sequence++;
            offset = JournalFormat.FileHeaderBytes;
            // In mode Disk a file is begun once the one before is on disk: the next one's header shows that something is lost.
            if (found.Synced && _bySequence.TryGetValue(sequence, out var next) && next.Chain != chain)
            {
                throw new InvalidDataException(
                    $"the journal is damaged in {found.Path} behind entry {entry}: acknowledged entries are lost. Restore the directory from a copy, or begin with an empty one");
            }
        }
        return entry;
    }

    private byte[] ReadAll(string path)
    {
        using var file = _files.Open(path);
        var bytes = GC.AllocateUninitializedArray<byte>((int)file.Length);
        var read = file.Read(bytes, 0);
        return read == bytes.Length ? bytes : bytes[..read];
    }
}
