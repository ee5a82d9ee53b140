namespace Metering.Pipeline.Sink;

/// <summary>How far the ledger is behind, at one moment.</summary>
/// <param name="Behind">Age of the oldest block that is not acknowledged, by the broker's time of it.</param>
/// <param name="Records">Of metered-blocks, markers included, from the group's offsets to the high watermarks.</param>
/// <param name="RowsPerSecond">Inserted since the last report.</param>
/// <param name="Left">Until it has caught up, at the speed since the last report; null when it does not come nearer.</param>
public sealed record CatchUpReport(TimeSpan Behind, long Records, long RowsPerSecond, TimeSpan? Left);

/// <summary>Reports every ten seconds while the ledger is far behind, after a stop or when inserts are slower than events.
/// Pure; one thread.</summary>
internal sealed class CatchUp
{
    /// <summary>Less is the ordinary wait for a batch, and an insert.</summary>
    public static readonly TimeSpan WorthTelling = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private (DateTimeOffset At, long Records, long Rows)? _last;

    /// <summary>The report that is due now, or null.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="behind">Age of the oldest block that is not acknowledged; zero when none waits.</param>
    /// <param name="records">Behind the high watermarks.</param>
    /// <param name="rows">Inserted so far; it only grows.</param>
    public CatchUpReport? Observe(DateTimeOffset now, TimeSpan behind, long records, long rows)
    {
        if (behind < WorthTelling)
        {
            _last = null;
            return null;
        }
        if (_last is not { } last)
        {
            // The first look has no speed yet; the report follows.
            _last = (now, records, rows);
            return null;
        }
        var gone = now - last.At;
        if (gone < Every && gone >= TimeSpan.Zero)
            return null;
        _last = (now, records, rows);
        var seconds = Math.Max(gone.TotalSeconds, 1);
        var nearer = (last.Records - records) / seconds;
        // An estimate beyond a year is none.
        TimeSpan? left = nearer > 0 && records / nearer < TimeSpan.FromDays(365).TotalSeconds ? TimeSpan.FromSeconds(Math.Ceiling(records / nearer)) : null;
        return new CatchUpReport(TimeSpan.FromSeconds(Math.Floor(behind.TotalSeconds)), records, (long)((rows - last.Rows) / seconds), left);
    }
}
