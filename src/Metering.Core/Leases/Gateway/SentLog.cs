namespace Metering.Core.Leases.Gateway;

/// <summary>When each request of an account was sent, so that a lease's time is counted from there (R27). Bounded: when it is full
/// every second entry goes, and one that is gone counts as sent when the kept one before it was, which only shortens the lease.</summary>
internal sealed class SentLog
{
    private const int Room = 32;

    private readonly List<(long Number, long At)> _sent = [];

    public void Add(long number, long at)
    {
        if (_sent.Count == Room)
        {
            for (var i = Room - 2; i > 0; i -= 2)
                _sent.RemoveAt(i);
        }
        _sent.Add((number, at));
    }

    /// <summary>When it was sent, or earlier; null = it cannot be said.</summary>
    public long? At(long number)
    {
        for (var i = _sent.Count - 1; i >= 0; i--)
        {
            if (_sent[i].Number <= number)
                return _sent[i].At;
        }
        return null;
    }
}
