using Metering.Core.Leases;

namespace Metering.Simulation.Leases;

/// <summary>The broker between gateways and governors: it delays, loses, doubles and reorders more than Kafka does.</summary>
internal sealed partial class LeaseHistory
{
    private void Publish(int partition)
    {
        foreach (var gateway in _gateways)
        {
            var control = _partitions[partition].Control;
            for (; gateway.Read[partition] < control.Count; gateway.Read[partition]++)
            {
                var record = control[gateway.Read[partition]];
                Deliver(gateway, () => gateway.Hear(partition, record));
            }
        }
    }

    private void Send(SimGateway gateway, LeaseRequest request)
    {
        if (_chaos > 0 && !_isHealed && _random.Next(12) == 0)
            return; // lost (R25)
        var partition = PartitionOf(request.Account);
        Deliver(gateway, () => _partitions[partition].Input.Add((request, _world.Now + Math.Min(0, _clockAhead[partition]))));
    }

    /// <summary>In both directions: late, and with chaos out of order, doubled, and much later once more.</summary>
    private void Deliver(SimGateway gateway, Action what)
    {
        var delay = 2_000L;
        if (_chaos > 0 && !_isHealed)
        {
            delay = _random.Next(1_000, 20_000) + (_random.Next(15) == 0 ? _random.Next(600_000) : 0);
            if (_random.Next(12) == 0)
                _world.After(_random.Next(4_000_000), what);
        }
        _world.After(Math.Max(delay, gateway.CutOffUntil - _world.Now), what);
    }
}
