using System.Text;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Govern.Leases;
using Metering.Pipeline.Signals;

namespace Metering.Pipeline.Govern;

/// <summary>What one interval of GOVERN has made and not yet sent: signals, decisions, and both as rows for the ledger.</summary>
internal sealed class GovernOutput
{
    public const string ControlTopic = "control";

    private readonly int _partition;
    private readonly BlockOutput _blocks;
    private readonly MonthlyRows<DecisionRows> _decisionRows = new(static () => new DecisionRows());

    public GovernOutput(int partition, GovernContext context)
    {
        _partition = partition;
        _blocks = new BlockOutput(partition, context.NewBlockId);
        Signals = new SignalOutput(context.SignalSchemaId, _blocks);
    }

    public SignalOutput Signals { get; }

    /// <summary>Says on <c>control</c>, and in the ledger, what has changed. All decisions of a task lie in its own partition, so that
    /// its heartbeat vouches for them (R30).</summary>
    public void SendChanges(DecisionBook book, long nowMicros, ITransactionOutput output)
    {
        foreach (var (key, decision, isDivision) in book.Changes)
        {
            output.Send(ControlTopic, _partition, Encoding.UTF8.GetBytes(key), decision is null ? [] : book.Encode(decision));
            if (isDivision || (decision is not null && LeaseDecisions.IsRefusal(decision)))
                continue;
            var row = decision ?? TakenBack(key, nowMicros);
            var rows = _decisionRows.At(row.DecidedAtMicros);
            rows.Add(row, decision is null ? "taken_back" : decision.Action.Symbol());
            _blocks.CloseIfFull(rows, BlockOutput.LargeRowBytes);
        }
    }

    /// <summary>Grants are for gateways; the ledger has the usage that they paid for.</summary>
    public void SendGrants(IReadOnlyList<(string Key, Decision? Decision)> grants, DecisionBook book, ITransactionOutput output)
    {
        foreach (var (key, grant) in grants)
            output.Send(ControlTopic, _partition, Encoding.UTF8.GetBytes(key), grant is null ? [] : book.Encode(grant));
    }

    public void SendHeartbeat(DecisionBook book, long epoch, long nowMicros, ITransactionOutput output)
    {
        var heartbeat = new Decision
        {
            Key = ControlKeys.OfHeartbeat(_partition),
            Scope = "",
            Action = DecisionAction.Heartbeat,
            Version = book.NextVersion(nowMicros),
            Epoch = epoch,
            Enforce = true,
            Because = new Dictionary<string, long>(StringComparer.Ordinal) { ["decisions"] = book.Count },
            DecidedAtMicros = nowMicros,
            EffectiveAtMicros = nowMicros,
        };
        output.Send(ControlTopic, _partition, Encoding.UTF8.GetBytes(heartbeat.Key), book.Encode(heartbeat));
    }

    public void SendTo(ITransactionOutput output)
    {
        _blocks.SendClosed(output, static _ => true);
        Signals.SendRows(output);
        foreach (var rows in _decisionRows.All)
            _blocks.SendOpen(rows, output);
        _decisionRows.Trim();
        Signals.SendRecords(output);
        _blocks.Clear();
    }

    private static Decision TakenBack(string key, long nowMicros)
    {
        var bar = key.LastIndexOf('|');
        return new Decision
        {
            Key = key,
            Scope = key[..bar],
            Policy = key[(bar + 1)..],
            DecidedAtMicros = nowMicros,
            EffectiveAtMicros = nowMicros,
            Because = new Dictionary<string, long>(StringComparer.Ordinal),
        };
    }
}
