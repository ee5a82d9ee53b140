using System.Buffers.Binary;
using System.Text;
using Metering.Client.Sending;
using Metering.Events;

namespace Metering.Client.Tests.Sending;

/// <summary>
/// A broker of one partition for the sender's tests: keeps what it is sent in order, acknowledges at once, when told or in
/// any order, fails transports, and watches the window. A transport that failed may have delivered or not, as with the real one.
/// </summary>
internal sealed class FakeBroker : ISchemaCatalog
{
    private readonly Lock _gate = new();
    private readonly List<Transport> _transports = [];
    private readonly List<(long Epoch, long Sequence)> _log = [];
    private readonly List<SourceReport> _reports = [];

    public bool AcknowledgesAtOnce { get; set; } = true;

    /// <summary>Refuses schema ids.</summary>
    public bool RegistryIsAway { get; set; }

    /// <summary>Has no room: TrySend answers false.</summary>
    public bool IsFull { get; set; }

    public int SchemaId { get; init; } = 258;

    /// <summary>Called under the broker's lock for each event that arrives; an answer fails the transport with that reason before it is stored.</summary>
    public Func<long, long, string?> OnArrival { get; set; } = (_, _) => null;

    public (long Epoch, long Sequence)[] Log
    {
        get
        {
            lock (_gate)
                return [.. _log];
        }
    }

    public SourceReport[] Reports
    {
        get
        {
            lock (_gate)
                return [.. _reports];
        }
    }

    public int Connections
    {
        get
        {
            lock (_gate)
                return _transports.Count;
        }
    }

    /// <summary>Arrived and not acknowledged, on the newest transport.</summary>
    public int Unacknowledged
    {
        get
        {
            lock (_gate)
                return _transports.Count == 0 ? 0 : _transports[^1].Pending.Count;
        }
    }

    public IEventTransport Connect(IDeliverySink sink, int slots)
    {
        lock (_gate)
        {
            var transport = new Transport(this, sink, slots);
            _transports.Add(transport);
            return transport;
        }
    }

    /// <summary>Acknowledges some of what has arrived, in an order of the seed's.</summary>
    public void AcknowledgeAny(int count, Random random)
    {
        lock (_gate)
        {
            for (; count > 0 && _transports[^1].Pending.Count > 0; count--)
            {
                var at = random.Next(_transports[^1].Pending.Count);
                var slot = _transports[^1].Pending[at];
                _transports[^1].Pending.RemoveAt(at);
                _transports[^1].Sink.Delivered(slot);
            }
        }
    }

    /// <summary>The newest transport breaks: nothing that is not acknowledged ever will be.</summary>
    public void Break(string reason)
    {
        lock (_gate)
        {
            _transports[^1].Pending.Clear();
            _transports[^1].Sink.Failed(reason);
        }
    }

    public Task<int> GetIdAsync(string subject, string schema) =>
        RegistryIsAway ? throw new HttpRequestException("connection refused") : Task.FromResult(SchemaId);

    public void Dispose()
    {
    }

    private bool Arrive(Transport transport, ReadOnlySpan<byte> value, int slot)
    {
        lock (_gate)
        {
            if (IsFull)
                return false;
            if (value[0] != 0 || BinaryPrimitives.ReadInt32BigEndian(value[1..]) != SchemaId)
                throw new InvalidOperationException("no wire header with the schema's id");
            var decoded = new TokenEvent();
            if (TokenEvent.TryRead(value[5..], new StringPool(), decoded, out var field) != DecodeError.None)
                throw new InvalidOperationException($"{field} cannot be decoded");
            if (transport.Pending.Count >= transport.Slots || transport.Pending.Contains(slot))
                throw new InvalidOperationException("the window is broken (R3)");
            if (OnArrival(decoded.Epoch, decoded.Sequence) is { } reason)
            {
                transport.Pending.Clear();
                transport.Sink.Failed(reason);
                return true;
            }
            _log.Add((decoded.Epoch, decoded.Sequence));
            if (AcknowledgesAtOnce)
                transport.Sink.Delivered(slot);
            else
                transport.Pending.Add(slot);
            return true;
        }
    }

    private sealed class Transport(FakeBroker broker, IDeliverySink sink, int slots) : IEventTransport
    {
        public IDeliverySink Sink { get; } = sink;

        public int Slots { get; } = slots;

        public List<int> Pending { get; } = [];

        public bool TrySend(ReadOnlySpan<byte> value, int slot) => broker.Arrive(this, value, slot);

        public Task SendReportAsync(byte[] key, byte[] value)
        {
            var report = new SourceReport();
            if (SourceReport.TryRead(value.AsSpan(5), new StringPool(), report, out var field) != DecodeError.None)
                throw new InvalidOperationException($"{field} cannot be decoded");
            if (!string.Equals(Encoding.UTF8.GetString(key), FormattableString.Invariant($"{report.Source}/{report.Epoch}"), StringComparison.Ordinal))
                throw new InvalidOperationException("the key is not source/epoch");
            lock (broker._gate)
                broker._reports.Add(report);
            return Task.CompletedTask;
        }

        public void Dispose()
        {
        }
    }
}
