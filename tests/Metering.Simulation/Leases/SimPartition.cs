using Metering.Core.Leases;
using Metering.Core.Leases.Governor;

namespace Metering.Simulation.Leases;

/// <summary>One partition of the broker: the requests and usage that came, what was committed of control and of the governor's state. A
/// commit is whole or not at all, and only the newest governor's are taken.</summary>
internal sealed class SimPartition
{
    public List<(object Record, long AppendedAt)> Input { get; } = [];

    /// <summary>LeaseGrant, LeaseTombstone, LeaseRefusal, or a heartbeat: the governor's time.</summary>
    public List<object> Control { get; } = [];

    public Dictionary<string, (byte[] Key, byte[] Value)> State { get; } = new(StringComparer.Ordinal);

    public int Position { get; private set; }

    public int Epoch { get; private set; }

    public int TakeOver() => ++Epoch;

    /// <summary>False: another governor has taken over.</summary>
    public bool Commit(int epoch, int position, List<object> outputs, LeaseGovernor governor)
    {
        if (epoch != Epoch)
            return false;
        governor.SaveTo((key, value) =>
        {
            var name = Convert.ToHexString(key);
            if (value.Length == 0)
                State.Remove(name);
            else
                State[name] = (key.ToArray(), value.ToArray());
        });
        Position = position;
        Control.AddRange(outputs);
        return true;
    }
}
