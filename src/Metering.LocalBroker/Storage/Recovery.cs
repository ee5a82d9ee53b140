using System.Diagnostics;
using Metering.LocalBroker.Log;
using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Storage;

/// <summary>
/// From what lies in the directory to a state: the checkpoint, then the entries of the journal behind it, as far as they are
/// whole. Ends with a checkpoint, so that all that it found is safe before anything new is acknowledged. Whatever interrupts it, it
/// begins again from the same files. One thread.
/// </summary>
internal sealed class Recovery(LocalBrokerOptions options, StoreSettings settings, ILogger logger) : ISegmentWrites
{
    private readonly IFiles _files = settings.Files;
    private readonly StoreFolders _folders = new(options.Directory);
    private readonly HashSet<Segment> _written = [];
    private SegmentFiles _segments = null!;

    public async Task<(BrokerState State, SegmentFiles Segments)> RunAsync(Action<BrokerState, Exception> failed)
    {
        var started = Stopwatch.GetTimestamp();
        var checkpoint = Checkpoint.Read(_files, _folders.State) ?? First();
        _segments = new SegmentFiles(_files, _folders.Logs);
        BrokerState state = new(checkpoint.ClusterId, options, settings, _segments, this, failed);
        try
        {
            state.Load(checkpoint.Rooms);
            var journal = new JournalReader(_files, _folders.Journal);
            var foundAny = journal.LastSequence >= checkpoint.Position.Sequence; // begun, if with nothing whole in it
            var last = journal.Replay(checkpoint, state.Apply);
            // Every start has a seed of its own: what earlier ones left in the files never fits.
            JournalPosition next = new(journal.LastSequence + 1, JournalFormat.FileHeaderBytes, (uint)Random.Shared.NextInt64(uint.MaxValue));
            if (last != checkpoint.Entry || !checkpoint.IsClean || foundAny)
            {
                Tidy(state);
                Checkpointer.Sync(_files, _folders, _segments, _written);
                new Checkpoint(checkpoint.ClusterId, last, next, false, state.Save()).Write(_files, _folders.State);
            }
            else
            {
                next = checkpoint.Position;
            }
            JournalFiles files = new(_files, _folders.Journal, settings.JournalFileBytes, options.Durability == Durability.Disk);
            files.Start(next);
            state.Start(files, last);
            files.Recycle(next);
            StorageLog.Recovered(
                logger, options.Directory, state.Topics.All.Count, state.Topics.Logs.Count, state.Logs.LogBytes, last - checkpoint.Entry,
                (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            return (state, _segments);
        }
        catch
        {
            await state.DisposeAsync();
            throw;
        }
    }

    void ISegmentWrites.Write(Segment segment, long position, ReadOnlySpan<byte> bytes)
    {
        _segments.Write(segment, bytes, position);
        _written.Add(segment);
    }

    void ISegmentWrites.Remove(Segment segment)
    {
        _written.Remove(segment);
        _segments.RemoveLater(segment);
    }

    void ISegmentWrites.RemoveFolder(PartitionLog log)
    {
        _written.RemoveWhere(segment => segment.Log == log);
        _segments.RemoveFolder(log);
    }

    void ISegmentWrites.Changed(PartitionLog log)
    {
        // all is published at the end
    }

    private Checkpoint First()
    {
        _files.CreateFolder(options.Directory);
        foreach (var name in _files.Files(options.Directory).Concat(_files.Folders(options.Directory)))
        {
            if (!_folders.Knows(name))
                throw new InvalidDataException($"{options.Directory} holds {name} and no local broker's state: name an empty directory");
        }
        _files.CreateFolder(_folders.Journal);
        _files.CreateFolder(_folders.Logs);
        _files.SyncFolder(options.Directory);
        var id = Convert.ToBase64String(Guid.NewGuid().ToByteArray()).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        return new(id, 0, new(0, JournalFormat.FileHeaderBytes, 0), false, []);
    }

    /// <summary>Takes away what the state does not know: bytes behind a segment's end, segments and folders that were given up.</summary>
    private void Tidy(BrokerState state)
    {
        _files.CreateFolder(_folders.Logs);
        HashSet<string> folders = new(StringComparer.Ordinal);
        foreach (var log in state.Topics.Logs)
        {
            folders.Add(log.FolderName);
            if (log.EndOffset == 0)
                continue;
            HashSet<string> names = new(StringComparer.Ordinal);
            foreach (var segment in log.Segments)
            {
                names.Add(segment.FileName);
                Cut(segment);
            }
            foreach (var name in _files.Files(_segments.FolderOf(log)))
            {
                if (!names.Contains(name))
                    _files.Delete(Path.Combine(_segments.FolderOf(log), name));
            }
        }
        foreach (var name in _files.Folders(_folders.Logs))
        {
            if (!folders.Contains(name))
                _files.DeleteFolder(Path.Combine(_folders.Logs, name));
        }
    }

    private void Cut(Segment segment)
    {
        var path = _segments.PathOf(segment);
        long length = 0;
        if (_files.Exists(path))
        {
            using var file = _files.Open(path);
            length = file.Length;
            if (length > segment.Bytes)
                file.SetLength(segment.Bytes);
        }
        if (length < segment.Bytes)
            StorageLog.ShortSegment(logger, path, length, segment.Bytes, segment.Log.FolderName);
    }
}

/// <summary>What lies where in a broker's directory.</summary>
internal sealed class StoreFolders(string directory)
{
    public string Directory => directory;

    public string State { get; } = Path.Combine(directory, "state");

    public string Lock { get; } = Path.Combine(directory, "lock");

    public string Journal { get; } = Path.Combine(directory, "journal");

    /// <summary>A folder for each partition, as Kafka names them.</summary>
    public string Logs { get; } = Path.Combine(directory, "logs");

    public bool Knows(string name) => name is "state" or "state.new" or "lock" or "journal" or "logs";
}
