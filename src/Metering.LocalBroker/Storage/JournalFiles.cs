using System.Diagnostics;
using System.Globalization;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// The journal's files. They are used again once a checkpoint lies behind them, and one that is made ahead is filled with zeroes,
/// so that a commit changes nothing but the file's content and fdatasync has no metadata to write. Only in a burst, when none is
/// left, a file grows as it is written: to fill it first would write everything once more. Written by the writer thread;
/// recycled by whoever makes checkpoints.
/// </summary>
internal sealed class JournalFiles(IFiles files, string folder, long fileBytes, bool synced) : IDisposable
{
    // What a burst uses while a checkpoint is made: 128 MB.
    private const int SparesKept = 8;

    // Files that fill faster are a burst.
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Lock _making = new();
    private readonly List<Slot> _slots = [];
    private readonly List<Slot> _unsynced = [];
    private readonly byte[] _header = new byte[JournalFormat.FileHeaderBytes];
    private Slot? _current;
    private long _lastName;
    private bool _preparing;
    private volatile bool _disposed;
    private volatile bool _namesChanged;
    private long _rolledAt;

    /// <summary>Behind the last record written.</summary>
    public JournalPosition Position { get; private set; }

    public long Bytes
    {
        get
        {
            lock (_lock)
                return _slots.Sum(slot => slot.Length);
        }
    }

    /// <summary>Takes over the files that lie there; goes on with the next of the sequence. Until the first checkpoint all of them are kept.</summary>
    public void Start(JournalPosition position)
    {
        files.CreateFolder(folder);
        foreach (var name in files.Files(folder))
        {
            if (!long.TryParse(Path.GetFileNameWithoutExtension(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                continue;
            _lastName = Math.Max(_lastName, number);
            var file = files.Open(Path.Combine(folder, name));
            // Sequence 0: whether it is still needed is decided by the first checkpoint of this start.
            _slots.Add(new Slot(Path.Combine(folder, name), file) { Length = file.Length, Sequence = 0, IsOld = true });
        }
        Position = position;
    }

    /// <summary>Writes records as a whole into one file.</summary>
    public void Write(Span<byte> records, int markAt, out JournalPosition mark)
    {
        mark = default;
        if (_current is null || (Position.Offset + records.Length > fileBytes && Position.Offset > JournalFormat.FileHeaderBytes))
            Roll();
        var (sequence, offset, chain) = Position;
        if (markAt >= 0)
        {
            chain = JournalFormat.Seal(records[..markAt], chain);
            mark = new(sequence, offset + markAt, chain);
            chain = JournalFormat.Seal(records[markAt..], chain);
        }
        else
        {
            chain = JournalFormat.Seal(records, chain);
        }
        _current!.File.Write(records, offset);
        Position = new(sequence, offset + records.Length, chain);
        if (Position.Offset > _current.Length)
            _current.Length = Position.Offset;
        if (Position.Offset > fileBytes / 2)
            PrepareSpare();
    }

    /// <summary>Makes all that was written before the call durable. Any thread.</summary>
    public void Sync()
    {
        Slot[] unsynced;
        lock (_lock)
            unsynced = [.. _unsynced];
        if (_namesChanged)
        {
            _namesChanged = false;
            files.SyncFolder(folder);
        }
        foreach (var slot in unsynced)
        {
            try
            {
                slot.File.Sync();
            }
            catch (ObjectDisposedException)
            {
                continue; // a checkpoint made it needless meanwhile, or the broker has stopped
            }
            lock (_lock)
            {
                if (slot != _current)
                    _unsynced.Remove(slot);
            }
        }
    }

    /// <summary>Files before this place are not needed any more.</summary>
    public void Recycle(JournalPosition checkpoint)
    {
        List<Slot> gone = [];
        lock (_lock)
        {
            foreach (var slot in _slots)
            {
                if (slot != _current && !slot.IsSpare && slot.Sequence < checkpoint.Sequence)
                {
                    _unsynced.Remove(slot);
                    slot.IsOld = false;
                    slot.IsSpare = true;
                }
            }
            var spares = 0;
            foreach (var slot in _slots)
            {
                // One that a large entry stretched, or that was hardly used, is not kept; nor more than a burst of ordinary size takes.
                if (slot.IsSpare && (slot.Length < fileBytes / 2 || slot.Length > fileBytes * 2 || ++spares > SparesKept))
                    gone.Add(slot);
            }
            foreach (var slot in gone)
                _slots.Remove(slot);
        }
        foreach (var slot in gone)
        {
            slot.File.Dispose();
            files.Delete(slot.Path);
        }
    }

    public void Dispose()
    {
        _disposed = true;
        lock (_making)
        {
            foreach (var slot in _slots)
                slot.File.Dispose();
        }
    }

    private void Roll()
    {
        var sequence = _current is null ? Position.Sequence : Position.Sequence + 1;
        var slot = TakeSpare() ?? (_slots.Count == 0 ? Make(TakeName()) : Grow(TakeName()));
        _rolledAt = Stopwatch.GetTimestamp();
        slot.Sequence = sequence;
        JournalFormat.WriteFileHeader(_header, sequence, Position.Chain, synced);
        slot.File.Write(_header, 0);
        lock (_lock)
        {
            if (!_slots.Contains(slot))
                _slots.Add(slot);
            _unsynced.Add(slot);
            _current = slot;
            if (synced)
                _unsynced.RemoveAll(earlier => earlier != slot); // each write was followed by a sync
        }
        Position = Position with { Sequence = sequence, Offset = JournalFormat.FileHeaderBytes };
    }

    private Slot? TakeSpare()
    {
        lock (_lock)
        {
            var spare = _slots.Find(slot => slot.IsSpare);
            if (spare is not null)
                spare.IsSpare = false;
            return spare;
        }
    }

    /// <summary>The next file is made while this one is filled: a commit does not wait for it.</summary>
    private void PrepareSpare()
    {
        lock (_lock)
        {
            if (_preparing || Stopwatch.GetElapsedTime(_rolledAt) < Calm || _slots.Exists(slot => slot.IsSpare))
                return;
            _preparing = true;
        }
        var name = TakeName();
        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                // Dispose waits for this: the next start may use the same name.
                lock (_making)
                    TryMakeSpare(name);
            },
            null);
    }

    private void TryMakeSpare(string name)
    {
        Slot? made = null;
        try
        {
            if (!_disposed)
                made = Make(name);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // the writer thread makes its own, and meets the same error where it is told
        }
        lock (_lock)
        {
            _preparing = false;
            if (made is not null)
            {
                made.IsSpare = true;
                _slots.Add(made);
            }
        }
    }

    private string TakeName() =>
        Path.Combine(folder, Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture) + ".journal");

    private Slot Grow(string path)
    {
        _namesChanged = true;
        return new Slot(path, files.Create(path));
    }

    private Slot Make(string path)
    {
        var file = files.Create(path);
        var zeroes = new byte[Math.Min(fileBytes, 1 << 20)];
        for (long at = 0; at < fileBytes; at += zeroes.Length)
            file.Write(zeroes.AsSpan(0, (int)Math.Min(zeroes.Length, fileBytes - at)), at);
        file.Sync();
        files.SyncFolder(folder);
        return new Slot(path, file) { Length = fileBytes };
    }

    private sealed class Slot(string path, IFile file)
    {
        public string Path => path;

        public IFile File => file;

        public long Length { get; set; }

        public long Sequence { get; set; }

        public bool IsSpare { get; set; }

        /// <summary>Of an earlier start.</summary>
        public bool IsOld { get; set; }
    }
}
