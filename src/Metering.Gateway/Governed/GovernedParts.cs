using System.Security.Cryptography;
using Metering.Client;
using Metering.Core.Leases.Gateway;
using Metering.Gateway.Admission;
using Metering.Gateway.Keys;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Governed;

/// <summary>
/// Keys and admission by what the fleet's topics say: the control view, the book of leases and their traffic, with the loop that
/// keeps them going. Its owner disposes it after the gateway: what is in hand is then given back.
/// <code>await using var governed = await GovernedParts.Start(control, new GovernedOptions(), loggers, time);</code>
/// </summary>
public sealed class GovernedParts : IAsyncDisposable
{
    // What is urgent wakes the loop; the book's own times are 100 ms and more.
    private static readonly TimeSpan SendEvery = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    private readonly ControlView _view;
    private readonly GovernedTables _tables;
    private readonly LeaseTraffic _leases;
    private readonly LevelTraffic _levels;
    private readonly LeaseRequestSender _sender;
    private readonly AutoResetEvent _wake = new(false);
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _following;

    private GovernedParts(ControlOptions control, GovernedOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        (_time, _log) = (time, loggers.CreateLogger<GovernedParts>());
        // R25: random per start, so that a restarted gateway ignores its former self's leases.
        Instance = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        var book = new LeaseBook(Instance, new LeaseBookOptions { ControlLostAfter = options.ControlLostAfter }, Wake);
        _sender = new LeaseRequestSender(control, loggers, time);
        _leases = new LeaseTraffic(book, _sender, time);
        _view = ControlView.Start(control, loggers, time, _leases.Hear);
        _tables = new GovernedTables(_view, _log);
        var throttles = new Throttles(Instance, Wake);
        var concurrency = new Concurrency(Instance, _view.InForce, Wake);
        _levels = new LevelTraffic(throttles, concurrency, _sender, time);
        Admission = new GovernedAdmission(_view, _tables, _leases, throttles, concurrency, Instance, options);
        // A thread of its own: a timer and a pool's worker for each look cost ten times as much.
        _following = Task.Factory.StartNew(Follow, TaskCreationOptions.LongRunning);
    }

    /// <summary>This gateway's lease identity.</summary>
    public string Instance { get; }

    public IKeyDirectory Keys => _tables;

    public IAdmission Admission { get; }

    public ControlView View => _view;

    /// <summary>Begins to read; <see cref="IAdmission.NotReady"/> says when requests can be served.</summary>
    public static GovernedParts Start(ControlOptions control, GovernedOptions options, ILoggerFactory loggers, TimeProvider time) =>
        new(control with { LostAfter = options.ControlLostAfter }, options, loggers, time);

    /// <summary>Gives back what is in hand, says so, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _wake.Set();
        await _following;
        _leases.Book.Close(_leases.Now);
        _leases.Send();
        await _sender.DisposeAsync();
        await _view.DisposeAsync();
        _stop.Dispose();
        _wake.Dispose();
    }

    private void Follow()
    {
        var lookedAt = 0L;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (lookedAt == 0 || _time.GetElapsedTime(lookedAt) >= LookEvery)
                {
                    lookedAt = _time.GetTimestamp();
                    _tables.Refresh(_view.IsReadToEnd);
                }
                if (_tables.HasHard)
                    _leases.Send();
                _levels.Send();
            }
            catch (Exception e)
            {
                // Without this loop the gateway would go on with what it knows, and say nothing.
                GatewayLog.RoundFailed(_log, e);
            }
            _wake.WaitOne(_tables.HasHard ? SendEvery : LookEvery);
        }
    }

    // Any thread; one waiting wake-up is enough.
    private void Wake() => _wake.Set();
}
