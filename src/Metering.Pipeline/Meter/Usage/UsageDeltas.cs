using Metering.Events;
using Metering.Kafka.Tasks;

namespace Metering.Pipeline.Meter.Usage;

/// <summary>Sends a table's sums as <c>usage-deltas</c>, keyed by scope, in the interval's transaction.</summary>
internal sealed class UsageDeltas
{
    public const string Topic = "usage-deltas";

    private const long MicrosPerSecond = 1_000_000;

    private readonly MeterContext _context;
    private readonly PooledBuffer _value = new();
    private readonly UsageDelta _delta = new();
    private readonly UsageSender _send;
    private ITransactionOutput? _output;

    public UsageDeltas(MeterContext context)
    {
        (_context, _send) = (context, Send);
        Policies = new PolicyUsage(context, Usage);
        Leases = new PaidLeases(context);
    }

    public UsageTable Usage { get; } = new();

    /// <summary>For the scopes that policies name beside the table's own.</summary>
    public PolicyUsage Policies { get; }

    /// <summary>What leases paid.</summary>
    public PaidLeases Leases { get; }

    public void SendTo(ITransactionOutput output)
    {
        _output = output;
        Usage.Drain(_send);
        _output = null;
        Leases.SendTo(output);
    }

    private void Send(byte[] scope, string text, in UsageCell cell)
    {
        ref readonly var sums = ref cell.Sums;
        var time = cell.Key.Time;
        if (cell.Key.Kind == UsageKind.All && time.RateSecond != time.Second)
            _context.Counters.AddClamped(sums.Requests);
        _delta.Scope = text;
        _delta.TimeMicros = time.Second * MicrosPerSecond;
        _delta.RateTimeMicros = time.RateSecond * MicrosPerSecond;
        _delta.Leased = time.Leased;
        _delta.Requests = sums.Requests;
        _delta.InputTokens = sums.InputTokens;
        _delta.CachedInputTokens = sums.CachedInputTokens;
        _delta.CacheWriteTokens = sums.CacheWriteTokens;
        _delta.OutputTokens = sums.OutputTokens;
        _delta.ReasoningTokens = sums.ReasoningTokens;
        _delta.CostPicoUsd = sums.CostPicoUsd;
        _delta.Unpriced = sums.Unpriced;
        _value.Clear();
        WireFormat.Write(_value, _context.UsageDeltaSchemaId, _delta);
        _output!.Send(Topic, null, scope, _value.WrittenSpan);
    }
}
