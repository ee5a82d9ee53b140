using Metering.Client;
using Metering.Events;

namespace Metering.Gateway.Tests;

/// <summary>A journal in memory that checks how it is used: what is opened is closed once, and nothing else is.</summary>
internal sealed class ListJournal : IRequestJournal
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, long> _open = [];
    private readonly List<TokenEvent> _events = [];
    private readonly List<string> _faults = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _last;

    /// <summary>Not null refuses what is opened, with this reason.</summary>
    public string? Refusal { get; set; }

    public IReadOnlyList<UnfinishedRequest> Unfinished { get; init; } = [];

    /// <summary>Uses that no journal would forgive.</summary>
    public IReadOnlyList<string> Faults
    {
        get
        {
            lock (_gate)
                return [.. _faults];
        }
    }

    public int Open
    {
        get
        {
            lock (_gate)
                return _open.Count;
        }
    }

    /// <summary>Output tokens by each progress.</summary>
    public List<long> Progressed { get; } = [];

    public ValueTask<OpenResult> OpenAsync(TokenEvent draft, RequestReservation reservation)
    {
        lock (_gate)
        {
            if (Refusal is not null)
                return ValueTask.FromResult(new OpenResult(0, Refusal));
            _open.Add(++_last, 0);
            return ValueTask.FromResult(new OpenResult(_last, null));
        }
    }

    public void Progress(long request, long inputTokens, long outputTokens)
    {
        lock (_gate)
            Progressed.Add(outputTokens);
    }

    public PublishResult Close(long request, TokenEvent finished)
    {
        lock (_gate)
        {
            if (!_open.Remove(request) && !Unfinished.Any(u => u.Request == request))
                _faults.Add(FormattableString.Invariant($"request {request} is closed and was not open"));
            return Add(finished);
        }
    }

    public PublishResult Publish(TokenEvent tokenEvent)
    {
        lock (_gate)
            return Add(tokenEvent);
    }

    /// <summary>Waits until there are so many events, and returns them.</summary>
    public async Task<IReadOnlyList<TokenEvent>> EventsAsync(int atLeast)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_events.Count >= atLeast)
                    return [.. _events];
                changed = _changed.Task;
            }
            await changed.WaitAsync(patience.Token);
        }
    }

    private PublishResult Add(TokenEvent e)
    {
        _events.Add(e);
        _changed.TrySetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return new PublishResult(PublishStatus.Accepted, _events.Count, null);
    }
}
