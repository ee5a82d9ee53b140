using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;

namespace Metering.Simulation.Leases;

/// <summary>One run of a gateway: its book, and the requests that it has at upstreams. Its clock is monotonic and begins anywhere.</summary>
internal sealed class SimGateway
{
    private readonly SimWorld _world;
    private readonly long _clockBegin;
    private readonly List<LeaseRequest> _requests = [];
    private readonly Action<LeaseRequest> _send;

    public SimGateway(SimWorld world, string name, LeaseBookOptions options, Action<LeaseRequest> send)
    {
        (_world, _send, Name) = (world, send, name);
        _clockBegin = world.Random.NextInt64(1, 1L << 40);
        Book = new LeaseBook(name, options, Woken);
    }

    public LeaseBook Book { get; }

    /// <summary>Its instance.</summary>
    public string Name { get; }

    /// <summary>Killed: whatever still happens in its name is nothing.</summary>
    public bool IsDead { get; set; }

    /// <summary>Requests at upstreams, as its journal has them: what is to be metered of each if it does not end here.</summary>
    public List<LeaseReservation> Journal { get; } = [];

    /// <summary>METER meters what it publishes in order, and not before then.</summary>
    public long MeteredUntil { get; set; }

    /// <summary>What it sends and what it hears is held up until then.</summary>
    public long CutOffUntil { get; set; }

    /// <summary>Kafka's offsets: how far it has read each partition of control.</summary>
    public int[] Read { get; init; } = [];

    public long Now => _world.Now - SimWorld.Start + _clockBegin;

    public void Collect()
    {
        if (IsDead)
            return;
        Book.Collect(Now, _requests);
        foreach (var request in _requests)
            _send(request);
        _requests.Clear();
    }

    public void Hear(int partition, object record)
    {
        if (IsDead)
            return;
        switch (record)
        {
            case LeaseGrant grant:
                Book.Apply(grant, Now);
                break;
            case LeaseTombstone tombstone:
                Book.Apply(tombstone);
                break;
            case LeaseRefusal refusal:
                Book.Apply(refusal, Now);
                break;
            case long governorMicros:
                Book.Heard(partition, governorMicros, Now);
                break;
        }
    }

    private void Woken() => _world.After(0, Collect);
}
