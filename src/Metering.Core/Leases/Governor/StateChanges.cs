using System.Buffers;

namespace Metering.Core.Leases.Governor;

/// <summary>What of the state is not saved yet.</summary>
internal sealed class StateChanges
{
    private readonly HashSet<AccountWindow> _windows = [];
    private readonly HashSet<GovernedLease> _leases = [];
    private readonly HashSet<SafeShareSeat> _seats = [];
    private readonly List<byte[]> _removed = [];

    public bool Any => _windows.Count + _leases.Count + _seats.Count + _removed.Count > 0;

    public void Changed(AccountWindow window) => _windows.Add(window);

    public void Changed(GovernedLease lease) => _leases.Add(lease);

    public void Changed(SafeShareSeat seat) => _seats.Add(seat);

    public void Removed(AccountWindow window)
    {
        _windows.Remove(window);
        Remove(output => LeaseStateCodec.WriteKey(output, window));
    }

    public void Removed(GovernedLease lease)
    {
        _leases.Remove(lease);
        Remove(output => LeaseStateCodec.WriteKey(output, lease));
    }

    public void Removed(SafeShareSeat seat)
    {
        _seats.Remove(seat);
        Remove(output => LeaseStateCodec.WriteKey(output, seat));
    }

    /// <summary>Writes each as an absolute value of its key (R9); an empty value is a tombstone.</summary>
    public void SaveTo(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        foreach (var key in _removed)
            save(key, default);
        var record = new StateRecord(save);
        foreach (var window in _windows)
            record.Save(window);
        foreach (var lease in _leases)
            record.Save(lease);
        foreach (var seat in _seats)
            record.Save(seat);
        _windows.Clear();
        _leases.Clear();
        _seats.Clear();
        _removed.Clear();
    }

    private void Remove(Action<IBufferWriter<byte>> writeKey)
    {
        var key = new ArrayBufferWriter<byte>();
        writeKey(key);
        _removed.Add(key.WrittenSpan.ToArray());
    }
}

/// <summary>Writes one record after the other in the same two buffers.</summary>
internal readonly struct StateRecord(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
{
    private readonly ArrayBufferWriter<byte> _key = new();
    private readonly ArrayBufferWriter<byte> _value = new();

    public void Save(AccountWindow window)
    {
        LeaseStateCodec.WriteKey(_key, window);
        LeaseStateCodec.WriteValue(_value, window);
        Flush();
    }

    public void Save(GovernedLease lease)
    {
        LeaseStateCodec.WriteKey(_key, lease);
        LeaseStateCodec.WriteValue(_value, lease);
        Flush();
    }

    public void Save(SafeShareSeat seat)
    {
        LeaseStateCodec.WriteKey(_key, seat);
        LeaseStateCodec.WriteValue(_value, seat);
        Flush();
    }

    public void SaveClock(long nowMicros, long lastVersion)
    {
        LeaseStateCodec.WriteClockKey(_key);
        LeaseStateCodec.WriteClock(_value, nowMicros, lastVersion);
        Flush();
    }

    private void Flush()
    {
        save(_key.WrittenSpan, _value.WrittenSpan);
        _key.ResetWrittenCount();
        _value.ResetWrittenCount();
    }
}
