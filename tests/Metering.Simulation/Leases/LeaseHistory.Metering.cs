using Metering.Core.Leases.Gateway;

namespace Metering.Simulation.Leases;

/// <summary>What METER tells the governors of leases, and gateways that die (R29).</summary>
internal sealed partial class LeaseHistory
{
    /// <summary>An event on its way through METER, behind those before it. What each lease paid comes to that lease's governor.</summary>
    private void Publish(SimGateway gateway, LeaseReservation reservation, long[] used)
    {
        var paidBy = new Dictionary<string, long>(StringComparer.Ordinal);
        for (var account = 0; account < used.Length; account++)
            reservation.AddPaid(account, used[account], paidBy);
        Meter(gateway, partition => paidBy.Where(paid => paid.Key.StartsWith($"g{partition}-", StringComparison.Ordinal)).Select(static paid => (object)new SimPaid(paid.Key, paid.Value)));
    }

    private void Meter(SimGateway gateway, Func<int, IEnumerable<object>> records)
    {
        gateway.MeteredUntil = Math.Max(gateway.MeteredUntil, _world.Now + _random.Next(2_000, _isHealed ? 50_000 : 300_000)) + 1;
        _world.After(gateway.MeteredUntil - _world.Now, () =>
        {
            for (var partition = 0; partition < Partitions; partition++)
            {
                foreach (var record in records(partition))
                    _partitions[partition].Input.Add((record, _world.Now + Math.Min(0, _clockAhead[partition])));
            }
        });
    }

    /// <summary>A dead gateway's successor finds its journal (R4): each open request becomes an event with its whole reservation, and then
    /// nothing more can come. One in four is never found: what it had is written off.</summary>
    private void KillGateway(SimGateway gateway)
    {
        gateway.IsDead = true;
        if (_random.Next(4) == 0)
            return;
        _recovered.Add(gateway.Name);
        _world.After(_random.Next(1_000, 2_000_000), () =>
        {
            foreach (var reservation in gateway.Journal)
                Publish(gateway, reservation, [.. Enumerable.Range(0, reservation.Accounts).Select(reservation.AmountOn)]);
            Meter(gateway, _ => [new SimEnded(gateway.Name)]);
        });
    }
}
