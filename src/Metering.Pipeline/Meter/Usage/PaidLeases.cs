using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using Metering.Core;
using Metering.Events;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>
/// What an interval's events say that leases paid (R29), summed up by lease, for the governor that granted it: its partition is in
/// the lease's id. And the gateways of which all has been metered, for every governor, behind what their leases paid. Of one task.
/// </summary>
internal sealed class PaidLeases(MeterContext context)
{
    /// <summary>What one lease's record takes, beside its id.</summary>
    private const int RecordBytes = 64;

    private readonly Dictionary<byte[], long> _paid = new(Utf8Comparer.Instance);
    private readonly List<string> _ended = [];
    private readonly PooledBuffer _value = new();
    private readonly UsageDelta _delta = new() { Scope = "" };

    /// <returns>What the event adds to the interval's records, in bytes, about.</returns>
    public int Add(in TokenEventView e)
    {
        var bytes = 0;
        var find = _paid.GetAlternateLookup<ReadOnlySpan<byte>>();
        foreach (var paid in e.PaidBy)
        {
            // None of ours; a rejected event may hold anything.
            if (paid.Value <= 0 || paid.Key.Length > EventLimits.MaxPaidByBytes || !TryPartition(paid.Key, out _))
                continue;
            ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(find, paid.Key, out var isKnown);
            sum = sum > long.MaxValue - paid.Value ? long.MaxValue : sum + paid.Value;
            bytes += isKnown ? 0 : RecordBytes + (2 * paid.Key.Length);
        }
        return bytes;
    }

    public void End(ReadOnlySpan<byte> gateway) => _ended.Add(Encoding.UTF8.GetString(gateway));

    public void SendTo(ITransactionOutput output)
    {
        foreach (var (lease, paid) in _paid)
        {
            TryPartition(lease, out var partition);
            (_delta.LeaseId, _delta.LeasePaid, _delta.EndedGateway) = (Encoding.UTF8.GetString(lease), paid, null);
            Send(output, partition, lease);
        }
        foreach (var gateway in _ended)
        {
            (_delta.LeaseId, _delta.LeasePaid, _delta.EndedGateway) = (null, 0, gateway);
            var key = Encoding.UTF8.GetBytes(gateway);
            for (var partition = 0; partition < context.Partitions; partition++)
                Send(output, partition, key);
        }
        _paid.Clear();
        _ended.Clear();
    }

    private void Send(ITransactionOutput output, int partition, ReadOnlySpan<byte> key)
    {
        _value.Clear();
        WireFormat.Write(_value, context.UsageDeltaSchemaId, _delta);
        output.Send(UsageDeltas.Topic, partition, key, _value.WrittenSpan);
    }

    // A governor's name is its partition, and a lease's id begins with it.
    private bool TryPartition(ReadOnlySpan<byte> lease, out int partition)
    {
        var dash = lease.IndexOf((byte)'-');
        partition = 0;
        return dash > 0 && Utf8Parser.TryParse(lease[..dash], out partition, out var read) && read == dash && partition >= 0 && partition < context.Partitions;
    }
}
