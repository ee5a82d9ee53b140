using System.Diagnostics;
using Metering.LocalBroker.Log;

namespace Metering.LocalBroker.Storage;

/// <content>The writer's thread: what has gathered is written, synced, carried out and published.</content>
internal sealed partial class Journal
{
    private void Run()
    {
        while (true)
        {
            bool stopping;
            lock (_gate)
            {
                stopping = _stopping;
                if (_failure is not null)
                    return;
                _writerSleeps = _filling.IsEmpty && !stopping;
                if (!_filling.IsEmpty)
                    Swap();
            }
            if (!_isWriting)
            {
                if (stopping)
                    return;
                _work.WaitOne();
                continue;
            }
            try
            {
                WriteGroup(_writing);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                Fail(failure, tell: true);
                return;
            }
            Publish(_writing);
        }
    }

    private void Swap()
    {
        (_filling, _writing) = (_writing, _filling);
        _filling.Clear();
        _filling.Last = _writing.Last;
        _isWriting = true;
        if (_writing.Length == 0)
            _writing.Last = Last;
        var changed = _writing.Changed;
        for (var i = 0; i < changed.Count; i++)
            changed[i] = changed[i].Log.ToPublish();
    }

    /// <summary>The journal first: a segment never holds what the journal does not know, and no file goes before its entry is safe.</summary>
    private void WriteGroup(JournalGroup group)
    {
        JournalPosition mark = _files!.Position;
        if (group.Length > 0)
        {
            _files!.Write(group.Records, group.Mark?.Length ?? -1, out var marked);
            if (group.Mark is not null)
                mark = marked;
            if (_syncEach || group.RemovesFiles)
                Sync();
            else if (Interlocked.Exchange(ref _syncPlanned, 1) == 0)
                _syncLater.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        }
        for (var i = 0; i < group.Writes; i++)
        {
            switch (group.TargetOf(i))
            {
                case Segment segment when group.PositionOf(i) >= 0:
                    _segments.Write(segment, group.BytesOf(i), group.PositionOf(i));
                    _written.Add(segment);
                    break;
                case Segment segment:
                    _written.Remove(segment);
                    _segments.RemoveLater(segment);
                    break;
                case PartitionLog log:
                    _written.RemoveWhere(segment => segment.Log == log);
                    _segments.RemoveFolder(log);
                    break;
            }
        }
        if (group.Mark is { } wanted)
        {
            var written = _written;
            _written = [];
            wanted.Reached.TrySetResult(new(mark, written));
        }
    }

    private void Sync()
    {
        var started = Stopwatch.GetTimestamp();
        _files!.Sync();
        LastSyncMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        Syncs++;
    }

    /// <summary>Mode Process: about a second after a write. On the timer's thread.</summary>
    private void SyncNow()
    {
        Interlocked.Exchange(ref _syncPlanned, 0);
        try
        {
            Sync();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Fail(failure, tell: true);
        }
    }

    private void Publish(JournalGroup group)
    {
        lock (_gate)
        {
            foreach (var publication in group.Changed)
                publication.Log.Publish(publication, _arrivals);
            Volatile.Write(ref _durable, group.Last);
            _isWriting = false;
        }
        group.Complete();
        foreach (var watcher in _arrivals)
            watcher.Arrived();
        _arrivals.Clear();
    }
}
