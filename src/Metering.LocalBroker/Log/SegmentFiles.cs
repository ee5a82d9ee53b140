using System.Collections.Concurrent;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Log;

/// <summary>
/// The open files of segments: so many at most, the one used longest ago is closed first. A file that is in use is closed when
/// its last user is done. Any thread.
/// </summary>
internal sealed class SegmentFiles(IFiles files, string folder, int mostOpen = 256) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Lock _removing = new();
    private readonly Dictionary<Segment, OpenFile> _open = [];
    private readonly LinkedList<OpenFile> _byUse = new();
    private readonly ConcurrentQueue<Segment> _toDelete = new();

    public string FolderOf(PartitionLog log) => Path.Combine(folder, log.FolderName);

    public string PathOf(Segment segment) => Path.Combine(folder, segment.Log.FolderName, segment.FileName);

    /// <returns>Fewer than asked for at the end of the file; −1 when the segment is gone.</returns>
    public int Read(Segment segment, Span<byte> to, long position)
    {
        var open = Take(segment, create: false, startAnew: false);
        if (open is null)
            return -1;
        try
        {
            return open.File.Read(to, position);
        }
        finally
        {
            Return(open);
        }
    }

    /// <summary>Position 0 begins the file anew, whatever lies there.</summary>
    public void Write(Segment segment, ReadOnlySpan<byte> bytes, long position)
    {
        var open = Take(segment, create: true, startAnew: position == 0)!;
        try
        {
            open.File.Write(bytes, position);
        }
        finally
        {
            Return(open);
        }
    }

    /// <summary>Makes a segment durable, unless it is gone.</summary>
    public void Sync(Segment segment)
    {
        if (segment.IsRemoved)
            return;
        var open = Take(segment, create: false, startAnew: false);
        if (open is null)
            return;
        try
        {
            open.File.Sync();
        }
        finally
        {
            Return(open);
        }
    }

    /// <summary>It is not opened any more; its file goes at <see cref="DeleteRemoved"/>. Those who read it may finish.</summary>
    public void RemoveLater(Segment segment)
    {
        Close(segment);
        _toDelete.Enqueue(segment);
    }

    /// <summary>A file that never became part of its log.</summary>
    public void Discard(Segment segment)
    {
        Close(segment);
        lock (_removing)
        {
            if (!segment.Log.IsDeleted)
                files.Delete(PathOf(segment));
        }
    }

    /// <summary>A deleted topic's partition goes at once: its folder's name may be used again.</summary>
    public void RemoveFolder(PartitionLog log)
    {
        List<Segment> open;
        lock (_lock)
            open = [.. _open.Keys.Where(segment => segment.Log == log)];
        foreach (var segment in open)
            Close(segment);
        lock (_removing)
            files.DeleteFolder(FolderOf(log));
    }

    public void DeleteRemoved()
    {
        while (_toDelete.TryDequeue(out var segment))
        {
            // A topic of the same name may have a file of the same name, once the deleted one's folder went.
            lock (_removing)
            {
                if (!segment.Log.IsDeleted)
                    files.Delete(PathOf(segment));
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var open in _byUse.ToArray())
                Drop(open);
        }
    }

    private OpenFile? Take(Segment segment, bool create, bool startAnew)
    {
        lock (_lock)
        {
            if (_open.TryGetValue(segment, out var open) && !startAnew)
            {
                open.Users++;
                _byUse.Remove(open.Node);
                _byUse.AddLast(open.Node);
                return open;
            }
            if (open is not null)
                Drop(open);
            if (segment.IsRemoved && !create)
                return null;
            if (OpenOrCreate(segment, create, startAnew) is not { } file)
                return null;
            open = new OpenFile(segment, file) { Users = 1 };
            _open.Add(segment, open);
            _byUse.AddLast(open.Node);
            if (_open.Count > mostOpen)
                Drop(_byUse.First!.Value);
            return open;
        }
    }

    private IFile? OpenOrCreate(Segment segment, bool create, bool startAnew)
    {
        var path = PathOf(segment);
        if (!startAnew)
        {
            try
            {
                return files.Open(path);
            }
            catch (FileNotFoundException)
            {
                if (!create)
                    return null;
            }
        }
        files.CreateFolder(FolderOf(segment.Log));
        return files.Create(path);
    }

    private void Close(Segment segment)
    {
        segment.IsRemoved = true;
        lock (_lock)
        {
            if (_open.TryGetValue(segment, out var open))
                Drop(open);
        }
    }

    private void Drop(OpenFile open)
    {
        _open.Remove(open.Segment);
        _byUse.Remove(open.Node);
        open.IsDropped = true;
        if (open.Users == 0)
            open.File.Dispose();
    }

    private void Return(OpenFile open)
    {
        lock (_lock)
        {
            if (--open.Users == 0 && open.IsDropped)
                open.File.Dispose();
        }
    }

    private sealed class OpenFile
    {
        public OpenFile(Segment segment, IFile file)
        {
            (Segment, File) = (segment, file);
            Node = new(this);
        }

        public Segment Segment { get; }

        public IFile File { get; }

        public LinkedListNode<OpenFile> Node { get; }

        public int Users { get; set; }

        public bool IsDropped { get; set; }
    }
}
