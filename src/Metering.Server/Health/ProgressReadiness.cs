using System.Globalization;

namespace Metering.Server.Health;

/// <summary>
/// Readiness of a part that works off a backlog: health means progress, not liveness. Not ready before its first
/// observation, while it waits for a service, when it is behind and its position stands still, and when it has stopped
/// reporting (a hung loop looks healthy from outside). Thread-safe.
/// </summary>
/// <param name="name">For people: <c>METER</c>.</param>
/// <param name="patience">How long a stand-still is taken for a pause. Default 10 s.</param>
public sealed class ProgressReadiness(string name, TimeSpan? patience = null) : IReadinessSource
{
    private readonly TimeSpan _patience = patience ?? TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private bool _observed;
    private long _lag;
    private long _progress;
    private DateTimeOffset _movedAt;
    private DateTimeOffset _observedAt;
    private string? _waitingFor;
    private DateTimeOffset _waitingSince;

    public string Name => name;

    /// <summary>Tells where the part is; call it at least every second, also when idle.</summary>
    /// <param name="lag">Records to do, against the high watermark; 0 = nothing to do.</param>
    /// <param name="progress">Any number that changes whenever work is done: a position, a count of commits.</param>
    /// <param name="now">The caller's clock.</param>
    public void Observe(long lag, long progress, DateTimeOffset now)
    {
        lock (_lock)
        {
            // Time stands still only while there is work: what arrives after an idle hour has its full patience.
            if (!_observed || progress != _progress || _lag == 0)
                _movedAt = now;
            _observed = true;
            _lag = lag;
            _progress = progress;
            _observedAt = now;
        }
    }

    /// <summary>The part waits for a service and takes nothing until <see cref="Resume"/>.</summary>
    /// <param name="service">In words, without secrets: <c>the registry at http://…</c>.</param>
    /// <param name="now">The caller's clock.</param>
    public void WaitFor(string service, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_waitingFor is null)
                _waitingSince = now;
            _waitingFor = service;
        }
    }

    /// <summary>What it waited for has come.</summary>
    public void Resume(DateTimeOffset now)
    {
        lock (_lock)
        {
            _waitingFor = null;
            _movedAt = now;
            _observedAt = now;
        }
    }

    public ReadinessReport Check(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_waitingFor is { } service)
                return ReadinessReport.NotReady($"waiting for {service} for {Seconds(now - _waitingSince)}");
            if (!_observed)
                return ReadinessReport.NotReady("starting");
            if (now - _observedAt >= _patience)
                return ReadinessReport.NotReady($"has not reported for {Seconds(now - _observedAt)}");
            if (_lag > 0 && now - _movedAt >= _patience)
                return ReadinessReport.NotReady(string.Create(CultureInfo.InvariantCulture, $"{_lag} records behind and no progress for {Seconds(now - _movedAt)}"));
            return ReadinessReport.Ready;
        }
    }

    private static string Seconds(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (long)time.TotalSeconds)} s");
}
