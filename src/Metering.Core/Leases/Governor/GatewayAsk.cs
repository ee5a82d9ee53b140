namespace Metering.Core.Leases.Governor;

/// <summary>What one gateway instance last said it wants of an account. Not state: it says so again.</summary>
internal sealed class GatewayAsk(string gateway)
{
    private const long NotYet = long.MinValue;

    private long _heardAtClock = NotYet;

    public string Gateway { get; } = gateway;

    /// <summary>The newest request.</summary>
    public LeaseRequest? Request { get; private set; }

    /// <summary>The number of the request whose <c>must</c> was refused: it has no turn any more.</summary>
    public long Refused { get; set; } = -1;

    // Below: one round of sharing, in one window.

    /// <summary>What it holds and has not reserved, as far as is known.</summary>
    public long Free { get; set; }

    public long Reserved { get; set; }

    public int Leases { get; set; }

    /// <summary>What it is to be granted.</summary>
    public long Granting { get; set; }

    public long Number => Request?.Number ?? -1;

    public bool HasTurn(long clockMicros, long lifeMicros) =>
        Request is { MustFirst: > 0 } && Refused < Number && IsHeard(clockMicros, lifeMicros);

    /// <summary>Takes a request; false if a newer one is known.</summary>
    public bool Take(LeaseRequest request)
    {
        if (request.Number <= Number)
            return false;
        Request = request;
        _heardAtClock = NotYet;
        return true;
    }

    /// <summary>Its life begins with the first decision after it came: a queue of requests does not age.</summary>
    public void Decided(long clockMicros)
    {
        if (_heardAtClock == NotYet)
            _heardAtClock = clockMicros;
    }

    /// <summary>A clock that was set back ages it as well.</summary>
    public bool IsHeard(long clockMicros, long lifeMicros) =>
        _heardAtClock == NotYet || (clockMicros >= _heardAtClock && clockMicros - _heardAtClock < lifeMicros);
}
