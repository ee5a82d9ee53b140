using System.Text;
using Metering.ClickHouse.Native;
using Metering.Events;
using Metering.Pipeline.Blocks;

namespace Metering.Pipeline.Govern;

/// <summary>Decisions as rows of <c>metering.decisions</c>: what was published, and what was taken back.</summary>
internal sealed class DecisionRows : ILedgerRows
{
    private readonly FixedColumn<long> _decidedAt, _effectiveAt, _version;
    private readonly NullableColumn<long> _expiresAt, _tokensPerSecond, _maxOutputTokens, _retryAfterMs, _amount;
    private readonly StringColumn _key, _scope, _reason;
    private readonly LowCardinalityColumn _action, _policy, _unit, _per;
    private readonly FixedColumn<byte> _enforce;
    private readonly NumberMapColumn _because;

    public DecisionRows()
    {
        _decidedAt = Block.DateTime64Micros("decided_at");
        _effectiveAt = Block.DateTime64Micros("effective_at");
        _expiresAt = Block.NullableDateTime64Micros("expires_at");
        _key = Block.String("key");
        _scope = Block.String("scope");
        _version = Block.Int64("version");
        _action = Block.LowCardinality("action");
        _enforce = Block.UInt8("enforce");
        _policy = Block.LowCardinality("policy");
        _unit = Block.LowCardinality("unit");
        _per = Block.LowCardinality("per");
        _tokensPerSecond = Block.NullableInt64("tokens_per_second");
        _maxOutputTokens = Block.NullableInt64("max_output_tokens");
        _retryAfterMs = Block.NullableInt64("retry_after_ms");
        _amount = Block.NullableInt64("amount");
        _because = Block.NumberMap("because");
        _reason = Block.String("reason");
    }

    public string Table => "decisions";

    public bool IsCounted => true;

    public NativeBlock Block { get; } = new();

    /// <param name="action">As the schema names it, or <c>taken_back</c>.</param>
    public void Add(Decision decision, string action)
    {
        _decidedAt.Append(decision.DecidedAtMicros);
        _effectiveAt.Append(decision.EffectiveAtMicros);
        _expiresAt.Append(decision.ExpiresAtMicros);
        _key.Append(Utf8(decision.Key));
        _scope.Append(Utf8(decision.Scope));
        _version.Append(decision.Version);
        _action.Append(Utf8(action));
        _enforce.Append(decision.Enforce ? (byte)1 : (byte)0);
        _policy.Append(Utf8(decision.Policy));
        _unit.Append(Utf8(decision.Unit ?? ""));
        _per.Append(Utf8(decision.Per ?? ""));
        _tokensPerSecond.Append(decision.TokensPerSecond);
        _maxOutputTokens.Append(decision.MaxOutputTokens);
        _retryAfterMs.Append(decision.RetryAfterMs);
        _amount.Append(decision.Amount);
        foreach (var (name, figure) in decision.Because)
            _because.Add(Utf8(name), figure);
        _because.Append();
        _reason.Append(Utf8(decision.Reason));
        Block.EndRow();
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
