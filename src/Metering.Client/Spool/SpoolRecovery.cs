using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Spool;

/// <summary>
/// What a start finds in the folder: segments in order, accounts brought up to date from them (R6), torn tails cut (R4),
/// and where sending goes on. Only the last segment of each run is read whole: in the others nothing can be torn, and what
/// is damaged there the reader finds when it comes by.
/// </summary>
internal sealed class SpoolRecovery
{
    private readonly string _folder;
    private readonly EpochBook _book;
    private readonly ILogger _log;
    private readonly List<SpoolSegment> _segments = [];

    private SpoolRecovery(string folder, EpochBook book, ILogger log)
    {
        _folder = folder;
        _book = book;
        _log = log;
    }

    public IReadOnlyList<SpoolSegment> Segments => _segments;

    /// <summary>Requests that former runs left open.</summary>
    public OpenRequests Open { get; } = new();

    /// <summary>Where sending goes on; null when nothing is spooled.</summary>
    public SpoolPosition? Start { get; private set; }

    /// <summary>Events from <see cref="Start"/> on.</summary>
    public long PendingEvents { get; private set; }

    /// <summary>Above every number ever used, so that an old cursor can never point into a new segment.</summary>
    public long NextNumber { get; private set; } = 1;

    public static SpoolRecovery Run(string folder, EpochBook book, SpoolPosition? cursor, ILogger log)
    {
        var recovery = new SpoolRecovery(folder, book, log);
        recovery.FindSegments();
        recovery.CloseRuns();
        if (cursor is { } at && book.Find(at.Epoch) is { } account)
            account.Settled(at.Sequence);
        // Before anything is deleted: the book then knows what the segments knew, and we know what is open.
        book.Save();
        recovery.FindOpenRequests();
        recovery.DropSettled(cursor);
        recovery.FindStart(cursor);
        recovery.NextNumber = Math.Max(recovery.NextNumber, (cursor?.Segment ?? 0) + 1);
        return recovery;
    }

    private void FindSegments()
    {
        var files = Directory.GetFiles(_folder, "*.wal")
            .Select(path => (Path: path, Number: long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0))
            .Where(f => f.Number > 0).OrderBy(f => f.Number).ToArray();
        foreach (var (path, number) in files)
        {
            NextNumber = number + 1;
            var (header, length) = ReadHeader(path, number);
            if (header is not null)
            {
                _segments.Add(new SpoolSegment(path, header, length));
            }
            else if (length <= SpoolSegment.DataStart && number == files[^1].Number)
            {
                // The crash came while the file was made: no record was ever appended to it.
                File.Delete(path);
            }
            else
            {
                File.Move(path, path + ".damaged", overwrite: true);
                SpoolLog.SegmentDamaged(_log, path + ".damaged", length);
            }
        }
    }

    private void CloseRuns()
    {
        for (var i = 0; i < _segments.Count; i++)
        {
            var segment = _segments[i];
            var next = i + 1 < _segments.Count ? _segments[i + 1] : null;
            if (next is null || !ContinuesRun(segment, next))
                CloseRun(segment);
        }
        LetPredecessorsEndRuns();
        _segments.RemoveAll(RemoveIfEmpty);
        for (var i = 0; i + 1 < _segments.Count; i++)
            _segments[i].Next = _segments[i + 1];
    }

    // A crash between a roll and the first append leaves a last segment without events: the one before it holds the run's last.
    private void LetPredecessorsEndRuns()
    {
        for (var i = 1; i < _segments.Count; i++)
        {
            if (_segments[i].Length <= SpoolSegment.DataStart && ContinuesRun(_segments[i - 1], _segments[i]))
                _segments[i - 1].LastSequence = _segments[i].Header.FirstSequence - 1;
        }
    }

    // Each run counts from 1 again, also where two runs share an epoch.
    internal static bool ContinuesRun(SpoolSegment segment, SpoolSegment next) =>
        next.Header.Epoch == segment.Header.Epoch && next.Header.FirstSequence > segment.Header.FirstSequence;

    private void CloseRun(SpoolSegment segment)
    {
        var file = File.ReadAllBytes(segment.Path);
        var scan = SpoolScan.Of(file, segment.Number);
        if (scan.TornBytes > 0)
        {
            SpoolLog.TornTail(_log, segment.Path, scan.End, scan.TornBytes);
            using var handle = File.OpenHandle(segment.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.SetLength(handle, scan.End);
        }
        segment.Length = Math.Max(scan.End, SpoolSegment.DataStart);
        segment.LastSequence = scan.Last?.Sequence ?? segment.Header.FirstSequence - 1;
        var account = _book.Find(segment.Header.Epoch) ?? _book.Begin(segment.Header.Epoch);
        account.Accepted(segment.LastSequence,
            scan.Last?.InputTokensSum ?? segment.Header.InputTokensBefore,
            scan.Last?.OutputTokensSum ?? segment.Header.OutputTokensBefore);
    }

    // The newest segment began with all that was open then, unless the crash came while it began.
    private void FindOpenRequests()
    {
        var from = _segments.Count - 1;
        while (from > 0 && !OpenRequests.AreAllCarriedInto(File.ReadAllBytes(_segments[from].Path), _segments[from].Number))
            from--;
        for (var i = Math.Max(from, 0); i < _segments.Count; i++)
            SpoolScan.Of(File.ReadAllBytes(_segments[i].Path), _segments[i].Number, Open, _segments[i].Header.Schema);
    }

    private static bool RemoveIfEmpty(SpoolSegment segment)
    {
        if (segment.Length > SpoolSegment.DataStart)
            return false;
        File.Delete(segment.Path);
        return true;
    }

    private void DropSettled(SpoolPosition? cursor)
    {
        if (cursor is not { } at)
            return;
        _segments.RemoveAll(segment =>
        {
            // The cursor entered a later segment only once that held all that was open; one that it stands at the end of may be the last to hold it.
            var settled = segment.Number < at.Segment || (segment.Number == at.Segment && segment.Next is not null && at.Offset >= segment.Length && Open.Count == 0);
            if (settled)
                File.Delete(segment.Path);
            return settled;
        });
    }

    private void FindStart(SpoolPosition? cursor)
    {
        if (_segments.Count == 0)
            return;
        var first = _segments[0];
        var header = first.Header;
        var before = header.FirstSequence - 1;
        // A segment that went missing between the cursor and the first one is found by its sequences.
        if (cursor?.Epoch == header.Epoch && cursor.Value.Segment < first.Number)
            before = Math.Min(before, cursor.Value.Sequence);
        Start = cursor is { } at && at.Segment == first.Number && at.Offset >= SpoolSegment.DataStart
            ? at with { Offset = Math.Min(at.Offset, first.Length) }
            : new SpoolPosition(first.Number, SpoolSegment.DataStart, header.Epoch, before);
        foreach (var segment in _segments)
        {
            var last = segment.Next is { } next && ContinuesRun(segment, next) ? next.Header.FirstSequence - 1 : segment.LastSequence;
            PendingEvents += Math.Max(0, last - segment.Header.FirstSequence + 1);
        }
        if (Start.Value.Epoch == header.Epoch)
            PendingEvents -= Start.Value.Sequence - header.FirstSequence + 1;
        PendingEvents = Math.Max(0, PendingEvents);
    }

    private static (SegmentHeader? Header, long Length) ReadHeader(string path, long number)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Span<byte> start = stackalloc byte[SpoolSegment.DataStart];
        var read = RandomAccess.Read(handle, start, 0);
        return (SpoolSegment.ReadHeader(start[..read], number), RandomAccess.GetLength(handle));
    }
}
