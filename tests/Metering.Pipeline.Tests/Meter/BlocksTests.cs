using System.Text.Json.Nodes;
using Metering.Events;
using Metering.Kafka.Tasks;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>
/// The blocks of an interval. <see cref="CommittedOutput"/> asserts of every block, in every test: below 1 MB with its
/// headers, rows and columns as the headers say, one month.
/// </summary>
public sealed class BlocksTests
{
    private readonly MeterHarness _meter = new();

    [Fact]
    public async Task A_row_carries_every_field_of_its_event()
    {
        var e = Largest(5, "gateway-1", "f").With(changed =>
        {
            (changed.Operation, changed.Status, changed.Outcome) = (Operation.Rerank, Status.Cut, Outcome.Failure);
            (changed.CachedInputTokens, changed.CacheWriteTokens, changed.InputTokens, changed.OutputTokens, changed.ReasoningTokens) = (3, 4, 7, 6, 2);
            (changed.QueueUs, changed.TtftUs, changed.DurationUs, changed.GpuUs, changed.KvTokenMs) = (11, 12, 13, 14, -1);
            changed.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["team"] = "search", [""] = "" };
            changed.Streamed = true;
            (changed.Pool, changed.ServedModel, changed.Tenant) = ("pool", "served", "ten\0ant");
        });
        await _meter.TakeAsync(e, Event(1));
        var row = _meter.Events.Single(found => found.Int64("sequence") == 5);
        Assert.Equal([("source", e.Source), ("lease_id", e.LeaseId), ("request_id", e.RequestId), ("parent_request_id", e.ParentRequestId), ("tenant", e.Tenant), ("api_key", e.ApiKey), ("route", e.Route),
            ("user", e.User), ("experiment", e.Experiment), ("model", e.Model), ("served_model", e.ServedModel), ("provider", e.Provider), ("pool", e.Pool), ("node", e.Node)],
            new[] { "source", "lease_id", "request_id", "parent_request_id", "tenant", "api_key", "route", "user", "experiment", "model", "served_model", "provider", "pool", "node" }.Select(name => (name, (string?)row[name])));
        Assert.Equal([e.Epoch, e.EventTimeMicros, e.AdmittedAtMicros, 7L, 3L, 4L, 6L, 2L, 11L, 12L, 13L, 14L, -1L, e.PromptHash],
            new[] { "epoch", "event_time", "admitted_at", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "queue_us", "ttft_us", "duration_us", "gpu_us", "kv_token_ms", "prompt_hash" }
                .Select(name => (long?)row[name]));
        Assert.Equal((uint)MeterHarness.Start.ToUnixTimeSeconds(), row["arrived_at"]);
        Assert.Equal((int.MaxValue, (sbyte)Operation.Rerank, (sbyte)Status.Cut, (sbyte)Outcome.Failure, (byte)0, (byte)1),
            (row["attempt"], row["operation"], row["status"], row["outcome"], row["tokens_estimated"], row["streamed"]));
        Assert.Equal([("", ""), ("team", "search")], ((IEnumerable<(string, string)>)row["tags"]!).Order());
        var plain = _meter.Events.Single(found => found.Int64("sequence") == 1);
        Assert.Equal((null, null, ""), (plain["admitted_at"], plain["prompt_hash"], plain["lease_id"]));
    }

    [Fact]
    public async Task R15_Blocks_of_maximal_rows_stay_below_the_message_limit()
    {
        await _meter.TakeAsync([.. Enumerable.Range(1, 40).Select(i => Largest(i, "gateway-1", $"{i}"))]);
        Assert.Equal(40, _meter.Events.Length);
        Assert.True(Blocks("token_events").Count() >= 6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    public async Task R15_Large_rows_among_many_small_ones_stay_below_the_message_limit(int between)
    {
        var events = Enumerable.Range(1, 6000).Select(i => i % (between * 50) == 0 ? Largest(i, "gateway-2", $"{i}") : Event(i).With(e => e.User = new string('u', 500))).ToArray();
        await _meter.TakeAsync(events);
        Assert.Equal(events.Length, _meter.Events.Length);
    }

    /// <summary>A row's keys are indexes into a dictionary, whose width doubles at the 257th and 65,537th distinct one.</summary>
    [Fact]
    public async Task R15_A_dictionary_that_outgrows_its_index_stays_below_the_message_limit()
    {
        var next = 0;
        var events = Enumerable.Range(1, 6000).Select(i => Event(i).With(e =>
        {
            var isGrowing = i % 3 == 0;
            e.RequestId = "";
            e.Tags = Enumerable.Range(0, EventLimits.MaxTags).ToDictionary(tag => isGrowing ? (next++).ToString("x", null) : $"{tag}", _ => "", StringComparer.Ordinal);
        })).ToArray();
        await _meter.TakeAsync(events);
        Assert.Equal(events.Length, _meter.Events.Length);
    }

    /// <summary>Fields that the writer lacks come from our schema's defaults, so a record grows by a bounded amount; the
    /// row has all columns.</summary>
    [Fact]
    public async Task R15_A_record_that_grows_when_it_is_resolved_takes_defaults_and_stays_below_the_message_limit()
    {
        const int TinyId = 51;
        _meter.Registry.Schemas[TinyId] = OnlyRequiredFields;
        for (var i = 1; i <= 9000; i++)
            _meter.Add("g"u8.ToArray(), MeterHarness.Encode(new Tiny("g", i, NowMicros), TinyId));
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal(9000, _meter.Events.Length);
        Assert.Equal((1, -1L, (sbyte)Operation.Other), (_meter.Events[0]["attempt"], _meter.Events[0]["queue_us"], _meter.Events[0]["operation"]));
    }

    [Fact]
    public async Task R19_Events_of_many_months_in_any_order_never_share_a_block()
    {
        var events = Enumerable.Range(1, 3000).Select(i => Event(i).With(e => e.EventTimeMicros = EventLimits.MinTimeMicros + (i * 7919L % 80 * 30 * 86_400_000_000))).ToArray();
        await _meter.TakeAsync(events);
        Assert.True(Blocks("token_events").Count() > 70);
        await _meter.TakeAsync([.. Enumerable.Range(3001, 100).Select(i => Event(i))]);
        Assert.Equal(3100, _meter.Events.Select(row => row.Int64("sequence")).Distinct().Count());
    }

    [Theory]
    [InlineData("2026-10-31T23:59:59.999999Z", "2026-11-01T00:00:00.000000Z")]
    [InlineData("2020-01-31T23:59:59.999999Z", "2020-02-01T00:00:00.000000Z")]
    [InlineData("2023-12-31T23:59:59.999999Z", "2024-01-01T00:00:00.000000Z")]
    public async Task R19_A_month_ends_at_its_last_microsecond_in_UTC(string last, string first)
    {
        TokenEvent At(long sequence, string time) => Event(sequence).With(e => e.EventTimeMicros = Micros(time));
        await _meter.TakeAsync(At(1, last), At(2, first), At(3, last));
        Assert.Equal([1, 2], Blocks("token_events").Select(block => block.Rows.Length).Order());
    }

    [Fact]
    public async Task R18_Ids_of_blocks_are_never_used_twice()
    {
        for (var i = 1; i <= 20; i++)
            await _meter.TakeAsync(Event(i), Event(i).With(e => e.Source = ""));
        var ids = _meter.Committed.Blocks.Select(block => block.Block.Id).ToArray();
        Assert.Equal(ids.Length, ids.Distinct(StringComparer.Ordinal).Count());
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{32}$", id));
    }

    [Fact]
    public async Task WantsCommit_is_true_before_much_is_held_also_when_it_lies_in_many_open_blocks()
    {
        for (var i = 1; i <= 2000 && !_meter.Processor.WantsCommit; i++)
        {
            _meter.Add(Largest(i, "gateway-1", "f").With(e => e.EventTimeMicros = EventLimits.MinTimeMicros + (i % 80 * 30L * 86_400_000_000)));
            while (_meter.Step() == ProcessResult.Wait)
                await _meter.Schemas.ResolvePendingAsync(TestContext.Current.CancellationToken);
        }
        Assert.True(_meter.Processor.WantsCommit);
        _meter.Commit();
        Assert.False(_meter.Processor.WantsCommit);
        Assert.InRange(_meter.Committed.Blocks.Sum(block => block.PayloadBytes), 8 << 20, 24 << 20);
    }

    [Fact]
    public void OnCommit_without_anything_new_sends_nothing()
    {
        _meter.Commit();
        Assert.Empty(_meter.Committed.Blocks);
        Assert.Empty(_meter.Committed.Changelog);
    }

    private IEnumerable<ReadBlock> Blocks(string table) => _meter.Committed.Blocks.Where(block => block.Block.Table == table);

    private static long Micros(string time) => (DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static string OnlyRequiredFields
    {
        get
        {
            var schema = JsonNode.Parse(TokenEvent.SchemaJson)!;
            schema["fields"]!.AsArray().RemoveAll(part => part!.AsObject().ContainsKey("default"));
            return schema.ToJsonString();
        }
    }

    /// <summary>The fields without a default, in their order.</summary>
    private sealed record Tiny(string Source, long Sequence, long EventTimeMicros) : IAvroRecord
    {
        public void WriteTo(ref AvroWriter writer)
        {
            writer.WriteString(Source);
            writer.WriteLong(1);
            writer.WriteLong(Sequence);
            writer.WriteLong(EventTimeMicros);
            writer.WriteString("r");
            writer.WriteString("t");
            writer.WriteString("m");
        }
    }
}
