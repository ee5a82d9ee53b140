using System.Buffers.Binary;
using Metering.Client.Sending;
using Metering.Client.Spool;
using Metering.Events;

namespace Metering.Client;

/// <summary>The journal of requests (R4): records of the same spool, so that an event and the end of its request are one append.</summary>
public sealed partial class TokenEventPublisher
{
    // Epochs are milliseconds times 2^21: no run opens as many requests as lie before the next one's.
    private long _lastRequest;

    /// <inheritdoc/>
    public IReadOnlyList<UnfinishedRequest> Unfinished { get; }

    /// <inheritdoc/>
    public async ValueTask<OpenResult> OpenAsync(TokenEvent draft, RequestReservation reservation)
    {
        ArgumentNullException.ThrowIfNull(draft);
        var (result, mark) = Open(draft, reservation);
        if (!result.Accepted || _options.Fsync != SpoolFsync.EachAppend)
            return result;
        try
        {
            // The disk is waited for elsewhere: the caller may be the thread that serves all sockets.
            await Task.Run(() => _spool.WaitDurable(mark));
            return result;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new OpenResult(0, e.Message);
        }
    }

    /// <inheritdoc/>
    public void Progress(long request, long inputTokens, long outputTokens)
    {
        Span<byte> record = stackalloc byte[SpoolRecord.HeadBytes + RequestRecord.ProgressBytes];
        RequestRecord.WriteProgress(record[SpoolRecord.HeadBytes..], request, inputTokens, outputTokens);
        lock (_gate)
        {
            // It may have ended in between. What the disk refuses the next progress tells.
            if (!_closed && _spool.Requests.Contains(request))
                _spool.Append(record, SpoolRecordKind.Progress, NowMicros(), 0, 0, out _);
        }
    }

    /// <inheritdoc/>
    public PublishResult Close(long request, TokenEvent finished)
    {
        ArgumentNullException.ThrowIfNull(finished);
        var nowMicros = NowMicros();
        if (EventRules.Check(finished, nowMicros) is { } fault)
        {
            _metrics.Refused(PublishStatus.Invalid);
            return PublishResult.Invalid(fault);
        }
        PublishResult result;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            result = _spool.Requests.Contains(request)
                ? Append(finished, request, nowMicros)
                : PublishResult.Invalid(FormattableString.Invariant($"request {request} is not open: it was closed before"));
        }
        if (result.Accepted)
            _sender.Wake();
        else
            _metrics.Refused(result.Status);
        // A power cut before the next sync leaves the request open: it then becomes an event at the next start. Nobody waits.
        return result;
    }

    private (OpenResult Result, long Mark) Open(TokenEvent draft, RequestReservation reservation)
    {
        var nowMicros = NowMicros();
        if (EventRules.Check(draft, nowMicros) is { } fault)
        {
            _metrics.Refused(PublishStatus.Invalid);
            return (new OpenResult(0, fault), 0);
        }
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            var request = ++_lastRequest;
            (draft.Source, draft.Epoch, draft.Sequence) = (_source, Epoch, 0);
            _buffer.Clear();
            RequestRecord.WriteOpened(_buffer.GetSpan(RequestRecord.OpenedBytes), request, reservation);
            _buffer.Advance(RequestRecord.OpenedBytes);
            var writer = new AvroWriter(_buffer);
            draft.WriteTo(ref writer);
            writer.Flush();
            var status = _spool.Append(_buffer.Record, SpoolRecordKind.Opened, nowMicros, 0, 0, out var error);
            return status switch
            {
                SpoolAppendStatus.Stored => (new OpenResult(request, null), _spool.AppendMark),
                SpoolAppendStatus.Full => (new OpenResult(0, PublishResult.SpoolFull.Reason), 0),
                _ => (new OpenResult(0, error!.Message), 0),
            };
        }
    }

    private void AppendTrailer(long request)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_buffer.GetSpan(RequestRecord.TrailerBytes), request);
        _buffer.Advance(RequestRecord.TrailerBytes);
    }

    private long NowMicros() => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private List<UnfinishedRequest> ReadUnfinished()
    {
        var unfinished = new List<UnfinishedRequest>();
        foreach (var open in _spool.Requests.All.ToArray())
        {
            if (DraftOf(open) is { } draft)
            {
                var reservation = RequestRecord.ReadOpened(open.Opened).Reservation;
                unfinished.Add(new UnfinishedRequest(open.Number, draft, reservation, open.InputTokens, open.OutputTokens, open.LastSeenMicros));
            }
            else
            {
                _spool.Requests.Remove(open.Number);
            }
        }
        return unfinished;
    }

    // A former version of this library may have written it.
    private TokenEvent? DraftOf(OpenRequest open)
    {
        var draft = new TokenEvent();
        var body = open.Opened[RequestRecord.OpenedBytes..];
        var error = DecodeError.None;
        string? field;
        if (open.Schema == PayloadSchemas.Fingerprint(TokenEvent.SchemaJson))
        {
            error = TokenEvent.TryRead(body, new StringPool(), draft, out field);
        }
        else if (ResolutionPlan.TryCompile(PayloadSchemas.Load(_spool.Folder, open.Schema), TokenEvent.SchemaJson, out var plan, out var reason))
        {
            using var resolved = new PooledBuffer();
            error = plan.TryTranscode(body, resolved, EventLimits.MaxEventBytes, out field);
            if (error == DecodeError.None)
                error = TokenEvent.TryRead(resolved.WrittenSpan, new StringPool(), draft, out field);
        }
        else
        {
            ClientLog.UnreadableRequest(_log, reason);
            return null;
        }
        if (error == DecodeError.None)
            return draft;
        ClientLog.UnreadableRequest(_log, $"{error} at {field ?? "its end"}");
        return null;
    }
}
