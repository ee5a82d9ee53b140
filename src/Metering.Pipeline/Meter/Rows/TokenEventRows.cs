using Metering.ClickHouse.Native;
using Metering.Core.Pricing;
using Metering.Core.Usage;
using Metering.Events;
using Metering.Pipeline.Blocks;
using Metering.Pipeline.Meter.Usage;

namespace Metering.Pipeline.Meter.Rows;

/// <summary>Step 7: metered events as rows of <c>metering.token_events</c>. The columns' names and types are the
/// table's; SINK adds the two that say which block a row came by.</summary>
internal sealed class TokenEventRows : ILedgerRows
{
    private readonly NativeBlock _block = new();
    private readonly LowCardinalityColumn _source, _tenant, _apiKey, _route, _experiment, _model, _servedModel, _provider, _pool, _node;
    private readonly StringColumn _leaseId, _requestId, _parentRequestId, _user;
    private readonly FixedColumn<long> _epoch, _sequence, _eventTime, _inputTokens, _cachedInputTokens, _cacheWriteTokens, _outputTokens, _reasoningTokens;
    private readonly FixedColumn<long> _queueUs, _ttftUs, _durationUs, _gpuUs, _kvTokenMs, _costPicoUsd;
    private readonly FixedColumn<uint> _arrivedAt;
    private readonly NullableColumn<long> _admittedAt, _promptHash;
    private readonly FixedColumn<int> _attempt;
    private readonly FixedColumn<sbyte> _operation, _status, _outcome;
    private readonly FixedColumn<bool> _tokensEstimated, _streamed;
    private readonly FixedColumn<byte> _priced;
    private readonly FixedColumn<ulong> _priceVersion;
    private readonly TextMapColumn _tags;
    private readonly UsageTable _usage;
    private readonly PolicyUsage _policies;
    private readonly BlockNumbers _tenants, _apiKeys, _routes, _models, _pools;

    /// <param name="usage">What the events add up to beside being rows; of all blocks of an interval.</param>
    public TokenEventRows(UsageDeltas usage)
    {
        (_usage, _policies) = (usage.Usage, usage.Policies);
        var names = _usage.Names;
        (_tenants, _apiKeys, _routes) = (new(names), new(names), new(names));
        (_models, _pools) = (new(names), new(names));
        _source = _block.LowCardinality("source");
        _epoch = _block.Int64("epoch");
        _sequence = _block.Int64("sequence");
        _eventTime = _block.DateTime64Micros("event_time");
        _admittedAt = _block.NullableDateTime64Micros("admitted_at");
        _leaseId = _block.String("lease_id");
        _requestId = _block.String("request_id");
        _attempt = _block.Int32("attempt");
        _parentRequestId = _block.String("parent_request_id");
        _tenant = _block.LowCardinality("tenant");
        _apiKey = _block.LowCardinality("api_key");
        _route = _block.LowCardinality("route");
        _user = _block.String("user");
        _experiment = _block.LowCardinality("experiment");
        _model = _block.LowCardinality("model");
        _servedModel = _block.LowCardinality("served_model");
        _provider = _block.LowCardinality("provider");
        _pool = _block.LowCardinality("pool");
        _node = _block.LowCardinality("node");
        _operation = _block.Enum8("operation", OperationSymbols.All);
        _status = _block.Enum8("status", StatusSymbols.All);
        _outcome = _block.Enum8("outcome", OutcomeSymbols.All);
        _inputTokens = _block.Int64("input_tokens");
        _cachedInputTokens = _block.Int64("cached_input_tokens");
        _cacheWriteTokens = _block.Int64("cache_write_tokens");
        _outputTokens = _block.Int64("output_tokens");
        _reasoningTokens = _block.Int64("reasoning_tokens");
        _tokensEstimated = _block.Bool("tokens_estimated");
        _streamed = _block.Bool("streamed");
        _queueUs = _block.Int64("queue_us");
        _ttftUs = _block.Int64("ttft_us");
        _durationUs = _block.Int64("duration_us");
        _gpuUs = _block.Int64("gpu_us");
        _kvTokenMs = _block.Int64("kv_token_ms");
        _promptHash = _block.NullableInt64("prompt_hash");
        _tags = _block.Map("tags");
        _costPicoUsd = _block.Int64("cost_pico_usd");
        _priced = _block.UInt8("priced");
        _priceVersion = _block.UInt64("price_version");
        _arrivedAt = _block.DateTime("arrived_at");
    }

    public string Table => "token_events";

    public bool IsCounted => true;

    public NativeBlock Block => _block;

    public void Reset()
    {
        _block.Reset();
        _tenants.Clear();
        _apiKeys.Clear();
        _routes.Clear();
        _models.Clear();
        _pools.Clear();
    }

    /// <returns>What the event adds to the interval's deltas, in bytes, about: nothing when others were like it.</returns>
    public int Add(in TokenEventView e, in PriceResult price, long arrivedAtMs)
    {
        _source.Append(e.Source);
        _epoch.Append(e.Epoch);
        _sequence.Append(e.Sequence);
        _eventTime.Append(e.EventTimeMicros);
        _admittedAt.Append(e.AdmittedAtMicros);
        _leaseId.Append(e.LeaseId);
        _requestId.Append(e.RequestId);
        _attempt.Append(e.Attempt);
        _parentRequestId.Append(e.ParentRequestId);
        var tenant = _tenants.Of(_tenant.Append(e.Tenant), e.Tenant);
        var apiKey = _apiKeys.Of(_apiKey.Append(e.ApiKey), e.ApiKey);
        var route = _routes.Of(_route.Append(e.Route), e.Route);
        _user.Append(e.User);
        _experiment.Append(e.Experiment);
        var model = _models.Of(_model.Append(e.Model), e.Model);
        _servedModel.Append(e.ServedModel);
        _provider.Append(e.Provider);
        var pool = _pools.Of(_pool.Append(e.Pool), e.Pool);
        _node.Append(e.Node);
        _operation.Append((sbyte)e.Operation);
        _status.Append((sbyte)e.Status);
        _outcome.Append((sbyte)e.Outcome);
        _inputTokens.Append(e.InputTokens);
        _cachedInputTokens.Append(e.CachedInputTokens);
        _cacheWriteTokens.Append(e.CacheWriteTokens);
        _outputTokens.Append(e.OutputTokens);
        _reasoningTokens.Append(e.ReasoningTokens);
        _tokensEstimated.Append(e.TokensEstimated);
        _streamed.Append(e.Streamed);
        _queueUs.Append(e.QueueUs);
        _ttftUs.Append(e.TtftUs);
        _durationUs.Append(e.DurationUs);
        _gpuUs.Append(e.GpuUs);
        _kvTokenMs.Append(e.KvTokenMs);
        _promptHash.Append(e.PromptHash);
        foreach (var tag in e.Tags)
            _tags.Add(tag.Key, tag.Value);
        _tags.Append();
        _costPicoUsd.Append(price.CostPicoUsd);
        _priced.Append(price.Priced ? (byte)1 : (byte)0);
        _priceVersion.Append(price.PriceVersion);
        _arrivedAt.Append((uint)(arrivedAtMs / 1000));
        _block.EndRow();
        var time = new UsageTime(Seconds.Of(e.EventTimeMicros), Seconds.OfRate(e.EventTimeMicros, arrivedAtMs), !e.LeaseId.IsEmpty);
        var sums = new UsageSums(1, e.InputTokens, e.CachedInputTokens, e.CacheWriteTokens, e.OutputTokens, e.ReasoningTokens, price.CostPicoUsd, price.Priced ? 0 : 1);
        var cells = _usage.Add(time, tenant, model, route, apiKey, pool, sums);
        // A delta bears its name twice, and wider scopes follow.
        var deltaBytes = cells == 0 ? 0 : cells * (UsageTable.DeltaBytes + (3 * (e.Tenant.Length + Math.Max(e.Model.Length, e.Route.Length))));
        return deltaBytes + _policies.Add(e, time, sums);
    }
}
