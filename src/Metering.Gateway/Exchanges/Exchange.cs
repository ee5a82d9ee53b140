using Metering.Events;
using Metering.Gateway.Admission;
using Metering.Gateway.Keys;
using Metering.Gateway.Requests;

namespace Metering.Gateway.Exchanges;

/// <summary>
/// One request with a known key, from there to its event. The thread that serves it writes; the sweep only reads, and may
/// cancel. It ends once, whoever comes first.
/// </summary>
internal sealed class Exchange(TimeProvider time, long started) : IDisposable
{
    private static readonly Dictionary<string, string> NoTags = new(0, StringComparer.Ordinal);

    private readonly CancellationTokenSource _cancellation = new();
    private TokenEvent? _event;
    private int _reason;
    private int _ended;
    private long _waitsSince;
    private long _waitsForMs;

    public required string RequestId { get; init; }

    public required ApiKey Key { get; init; }

    public required string Route { get; init; }

    public string? Experiment { get; init; }

    public required IReadOnlyDictionary<string, string> Tags { get; init; }

    public required int Attempt { get; init; }

    /// <summary>Unix time in microseconds.</summary>
    public required long ArrivedAtMicros { get; init; }

    /// <summary>"unknown" until the body has been read.</summary>
    public string Model { get; set; } = "unknown";

    public string? User { get; set; }

    public string Provider { get; set; } = "";

    /// <summary>Null until the body has been read.</summary>
    public ChatRequest? Request { get; set; }

    /// <summary>The request's body as it is sent; kept to the end, for hosts that report no usage.</summary>
    public PooledBytes? Body { get; set; }

    /// <summary>Where in <see cref="Body"/> the messages stand.</summary>
    public BodyRange MessagesPlace { get; set; }

    /// <summary>The client wants one whole answer, and its host is streamed from all the same.</summary>
    public bool IsAssembled { get; set; }

    /// <summary>Null until it was admitted.</summary>
    public Permit? Permit { get; set; }

    /// <summary>The journal's number; 0 until it is open.</summary>
    public long JournalNumber { get; set; }

    public long? PromptHash { get; set; }

    /// <summary>-1 until the first token.</summary>
    public long TtftUs { get; private set; } = -1;

    public long DurationUs => (long)time.GetElapsedTime(started).TotalMicroseconds;

    /// <summary>Output tokens that have come so far, for the journal. Written by the relay, read by the sweep.</summary>
    public long OutputTokens
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>Of the sweep: what the journal was last told, and when.</summary>
    public (long OutputTokens, long At) Journaled { get; set; } = (0, started);

    /// <summary>Cancelled when the exchange is given up.</summary>
    public CancellationToken Token => _cancellation.Token;

    public EndReason Reason => (EndReason)Volatile.Read(ref _reason);

    /// <summary>Nodes of the list of active exchanges: its own affair.</summary>
    internal Exchange? Next { get; set; }

    internal Exchange? Previous { get; set; }

    public void FirstToken()
    {
        if (TtftUs < 0)
            TtftUs = DurationUs;
    }

    /// <summary>From now on the upstream is waited for, this long at most.</summary>
    public void WaitsForUpstream(TimeSpan atMost)
    {
        Volatile.Write(ref _waitsForMs, (long)atMost.TotalMilliseconds);
        Volatile.Write(ref _waitsSince, time.GetTimestamp());
    }

    /// <summary>The upstream has said something.</summary>
    public void Heard() => Volatile.Write(ref _waitsSince, 0);

    /// <summary>Whether the upstream is overdue.</summary>
    public bool IsOverdue => Volatile.Read(ref _waitsSince) is not 0 and var since && time.GetElapsedTime(since).TotalMilliseconds > Volatile.Read(ref _waitsForMs);

    /// <summary>Gives the exchange up; the first reason holds.</summary>
    public void Cancel(EndReason reason)
    {
        if (Interlocked.CompareExchange(ref _reason, (int)reason, (int)EndReason.None) != (int)EndReason.None)
            return;
        try
        {
            _cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            return; // it has just ended by itself
        }
    }

    /// <summary>Whether an exception means that the exchange is over: it was given up, or the upstream broke off.</summary>
    public bool TryFail(Exception error)
    {
        if (error is not (IOException or HttpRequestException or OperationCanceledException))
            return false;
        Cancel(EndReason.UpstreamBroke); // unless it was given up before
        return true;
    }

    /// <summary>True for the one who ends it.</summary>
    public bool TryEnd() => Interlocked.Exchange(ref _ended, 1) == 0;

    /// <summary>Its event, with what was known when it was first asked for; the end completes it.</summary>
    public TokenEvent Event => _event ??= new TokenEvent
    {
        RequestId = RequestId,
        Attempt = Attempt,
        Tenant = Key.Tenant,
        ApiKey = Key.Id,
        Route = Route,
        User = User,
        Experiment = Experiment,
        Model = Model,
        Provider = Provider,
        Operation = Operation.Chat,
        AdmittedAtMicros = Permit?.AdmittedAtMicros,
        LeaseId = Permit?.LeaseId,
        Streamed = Request?.Streams ?? false,
        PromptHash = PromptHash,
        Tags = Tags.Count == 0 ? NoTags : Tags.ToDictionary(StringComparer.Ordinal),
    };

    public void Dispose()
    {
        Body?.Dispose();
        _cancellation.Dispose();
    }
}
