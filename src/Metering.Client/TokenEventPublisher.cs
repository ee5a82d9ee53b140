using Metering.Client.Reports;
using Metering.Client.Sending;
using Metering.Client.Spool;
using Metering.Events;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Metering.Client;

/// <summary>
/// Step 1 of the path: numbers an event, appends it to the spool, and lets the sender bring it to the broker. An accepted
/// event is sent at least once, under one identity, whatever happens to the broker, the registry or this process.
/// <code>
/// await using var publisher = await TokenEventPublisher.StartAsync(new PublisherOptions { Brokers = "…", Registry = "http://…", Source = "checkout" });
/// PublishResult result = publisher.Publish(new TokenEvent { RequestId = id, Tenant = "acme", Model = "gpt-4o", InputTokens = 12, OutputTokens = 34 });
/// </code>
/// </summary>
public sealed partial class TokenEventPublisher : ITokenEventPublisher, IRequestJournal, IAsyncDisposable
{
    private readonly PublisherOptions _options;
    private readonly string _source;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly EventSpool _spool;
    private readonly ISchemaCatalog _catalog;
    private readonly SchemaIds _eventIds;
    private readonly SchemaIds _reportIds;
    private readonly EventSender _sender;
    private readonly SourceReporter _reporter;
    private readonly PublisherMetrics _metrics;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reports;
    private readonly Lock _gate = new();
    private readonly RecordBuffer _buffer = new();
    private bool _closed;

    private TokenEventPublisher(PublisherOptions options, EventSpool spool, ISchemaCatalog catalog, TransportFactory connect, TimeProvider clock, ILogger log)
    {
        _options = options;
        _source = options.Source;
        _clock = clock;
        _log = log;
        _spool = spool;
        _catalog = catalog;
        _eventIds = new SchemaIds(catalog, options.TopicPrefix + "token-events-value", schema => PayloadSchemas.Load(spool.Folder, schema), clock, log);
        _reportIds = new SchemaIds(catalog, options.TopicPrefix + "source-reports-value", _ => SourceReport.SchemaJson, clock, log);
        _sender = new EventSender(spool, _eventIds, connect, new SenderOptions(options.Window, options.MaxSpoolAge), clock, log);
        _reporter = new SourceReporter(_source, spool, _sender, _reportIds, options.ReportInterval, clock, log);
        _metrics = new PublisherMetrics(this);
        _lastRequest = Epoch;
        Unfinished = ReadUnfinished();
        ClientLog.Started(log, _source, spool.Account.Epoch, spool.PendingEvents, spool.Folder);
        _sender.Start();
        _reports = _reporter.RunAsync(_stop.Token);
    }

    /// <summary>Opens the spool, takes a new epoch, and begins to send what waits. Needs neither broker nor registry to be there.</summary>
    /// <exception cref="OptionsValidationException">Options are wrong; all errors are in it.</exception>
    /// <exception cref="SpoolInUseException">Another process publishes under this source from the same data folder.</exception>
    /// <exception cref="IOException">The data folder cannot be written.</exception>
    public static Task<TokenEventPublisher> StartAsync(PublisherOptions options, ILoggerFactory? logs = null, TimeProvider? clock = null)
    {
        Check(options);
        var log = (ILogger?)logs?.CreateLogger<TokenEventPublisher>() ?? NullLogger.Instance;
        return StartAsync(options, new RegistryCatalog(options.Registry), (sink, slots) => new KafkaTransport(options, sink, slots, log),
            log, clock ?? TimeProvider.System);
    }

    internal static async Task<TokenEventPublisher> StartAsync(
        PublisherOptions options, ISchemaCatalog catalog, TransportFactory connect, ILogger log, TimeProvider clock)
    {
        Check(options);
        // Opening reads and syncs files: off the caller's thread.
        var spool = await Task.Run(() => OpenSpool(options, clock, log));
        return new TokenEventPublisher(options, spool, catalog, connect, clock, log);
    }

    /// <summary>The spool's folder, which is this process's alone.</summary>
    public string Folder => _spool.Folder;

    /// <summary>The running epoch.</summary>
    public long Epoch => _spool.Account.Epoch;

    /// <inheritdoc/>
    public PublisherStats Stats
    {
        get
        {
            var own = _spool.Account.Read();
            var all = _spool.Book.Accounts.Select(a => a.Read()).ToArray();
            return new PublisherStats
            {
                Source = _source,
                Epoch = own.Epoch,
                Accepted = own.LastSequence,
                Acknowledged = own.Acknowledged,
                SpooledEvents = _spool.PendingEvents,
                SpooledBytes = _spool.Bytes,
                InputTokens = own.InputTokens,
                OutputTokens = own.OutputTokens,
                Expired = all.Sum(a => a.Expired),
                Damaged = all.Sum(a => a.Damaged),
                Trouble = _sender.Trouble,
            };
        }
    }

    /// <inheritdoc/>
    public PublishResult Publish(TokenEvent tokenEvent)
    {
        ArgumentNullException.ThrowIfNull(tokenEvent);
        var nowMicros = NowMicros();
        if (EventRules.Check(tokenEvent, nowMicros) is { } fault)
        {
            _metrics.Refused(PublishStatus.Invalid);
            return PublishResult.Invalid(fault);
        }
        PublishResult result;
        long mark;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            result = Append(tokenEvent, request: 0, nowMicros);
            mark = _spool.AppendMark;
        }
        if (!result.Accepted)
        {
            _metrics.Refused(result.Status);
            return result;
        }
        _sender.Wake();
        return _options.Fsync == SpoolFsync.EachAppend ? Synced(result, mark) : result;
    }

    /// <inheritdoc/>
    public async ValueTask<PublishResult> PublishAsync(TokenEvent tokenEvent, CancellationToken cancellation = default)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            // Taken before the attempt: room that is made in between is not missed.
            var settled = _sender.Settled.Next;
            var result = Publish(tokenEvent);
            if (result.Status != PublishStatus.SpoolFull)
                return result;
            await settled.WaitAsync(cancellation);
        }
    }

    /// <inheritdoc/>
    public async Task<bool> FlushAsync(TimeSpan timeout, CancellationToken cancellation = default)
    {
        var target = _spool.AppendedEvents;
        var began = _clock.GetTimestamp();
        while (true)
        {
            var settled = _sender.Settled.Next;
            if (_spool.SettledEvents >= target)
                return true;
            var left = timeout - _clock.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
                return false;
            try
            {
                await settled.WaitAsync(left, _clock, cancellation);
            }
            catch (TimeoutException)
            {
                return _spool.SettledEvents >= target;
            }
        }
    }

    /// <summary>Takes no more events, waits up to <see cref="PublisherOptions.CloseTimeout"/> for the broker, sends the last
    /// report, and lets go of the spool. What is left in it goes out at the next start, under its own epoch.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
        }
        var drained = await FlushAsync(_options.CloseTimeout);
        await _stop.CancelAsync();
        await _reports;
        await SendLastReportAsync(drained);
        await _sender.StopAsync();
        await _eventIds.DisposeAsync();
        await _reportIds.DisposeAsync();
        ClientLog.Stopped(_log, _source, Epoch, _spool.Account.Read().LastSequence, _spool.PendingEvents);
        _metrics.Dispose();
        if (_spool.Book.Accounts.Length > 0)
            _spool.Book.Save();
        await _spool.CloseAsync();
        _sender.Dispose();
        _catalog.Dispose();
        _stop.Dispose();
    }

    private static void Check(PublisherOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var errors = options.Validate();
        if (errors.Count > 0)
            throw new OptionsValidationException(nameof(PublisherOptions), typeof(PublisherOptions), errors);
    }

    private static EventSpool OpenSpool(PublisherOptions options, TimeProvider clock, ILogger log)
    {
        var spool = EventSpool.Open(options.DataFolder, options.Source, new SpoolOptions
        {
            MaxBytes = options.MaxSpoolBytes,
            // Room comes back a segment at a time: an eighth of the bound at most.
            SegmentBytes = (int)Math.Min(16 << 20, options.MaxSpoolBytes / 8),
            Fsync = options.Fsync,
            FsyncInterval = options.FsyncInterval,
        }, clock, log);
        try
        {
            spool.Begin(options.Epoch, PayloadSchemas.Keep(spool.Folder, TokenEvent.SchemaJson));
            return spool;
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    /// <param name="e">What is appended.</param>
    /// <param name="request">The request that it closes; 0 = none.</param>
    /// <param name="nowMicros">The time that an event without one gets.</param>
    private PublishResult Append(TokenEvent e, long request, long nowMicros)
    {
        var givenTime = e.EventTimeMicros;
        e.Source = _source;
        e.Epoch = Epoch;
        e.Sequence = _spool.NextSequence;
        if (givenTime == 0)
            e.EventTimeMicros = nowMicros;
        _buffer.Clear();
        var writer = new AvroWriter(_buffer);
        e.WriteTo(ref writer);
        writer.Flush();
        // An event object that is used again gets its time anew.
        e.EventTimeMicros = givenTime;
        if (request != 0)
            AppendTrailer(request);
        return _spool.Append(_buffer.Record, request == 0 ? SpoolRecordKind.Event : SpoolRecordKind.ClosingEvent, nowMicros, e.InputTokens, e.OutputTokens, out var error) switch
        {
            SpoolAppendStatus.Stored => PublishResult.AcceptedAs(e.Sequence),
            SpoolAppendStatus.Full => PublishResult.SpoolFull,
            _ => PublishResult.SpoolFailed(0, error!),
        };
    }

    // Outside the lock, so that publishing threads share a sync.
    private PublishResult Synced(PublishResult result, long mark)
    {
        try
        {
            _spool.WaitDurable(mark);
            return result;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _metrics.Refused(PublishStatus.SpoolFailed);
            return PublishResult.SpoolFailed(result.Sequence, e);
        }
    }

    private async Task SendLastReportAsync(bool drained)
    {
        if (drained)
            _spool.Account.Close();
        using var patience = new CancellationTokenSource(_options.CloseTimeout, _clock);
        try
        {
            while (!await _reporter.ReportAsync(patience.Token) && drained)
                await Task.Delay(TimeSpan.FromMilliseconds(50), _clock, patience.Token);
        }
        catch (OperationCanceledException)
        {
            // No broker to tell: the next start closes this epoch from the spool's book.
        }
    }
}
