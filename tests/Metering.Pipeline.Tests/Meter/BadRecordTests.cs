using System.Security.Cryptography;
using Metering.Core.Sources;
using Metering.Events;
using Metering.Kafka.Tasks;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Records that cannot be metered: each is a dead letter with its reason, and never stops the flow.</summary>
public sealed class BadRecordTests
{
    private static readonly byte[] Key = "gateway-1"u8.ToArray();
    private readonly MeterHarness _meter = new();

    public static TheoryData<string, byte[]?, byte[], DeadLetterReason, string> BadRecords()
    {
        var good = MeterHarness.Encode(Event(1));
        var source = MeterHarness.Encode(new SourceReport { Source = "gateway-1" }, FakeRegistry.SourceReportId);
        return new()
        {
            { "empty value", Key, [], DeadLetterReason.BadWireFormat, "0 bytes" },
            { "header cut off", Key, good[..4], DeadLetterReason.BadWireFormat, "4 bytes" },
            { "wrong magic byte", Key, [1, .. good[1..]], DeadLetterReason.BadWireFormat, "begin with 0" },
            { "JSON", Key, "{\"source\":\"gateway-1\"}"u8.ToArray(), DeadLetterReason.BadWireFormat, "Confluent's wire format" },
            { "schema id 0", Key, [0, 0, 0, 0, 0, .. good[5..]], DeadLetterReason.UnknownSchema, "id is 0" },
            { "schema id -1", Key, [0, 255, 255, 255, 255, .. good[5..]], DeadLetterReason.UnknownSchema, "id is -1" },
            { "another record's schema", Key, source, DeadLetterReason.IncompatibleSchema, "schema 8 cannot be read as metering.events.TokenEvent" },
            { "no body", Key, good[..5], DeadLetterReason.Undecodable, "Truncated at the field source" },
            { "bytes left over", Key, [.. good, 0], DeadLetterReason.Undecodable, "TrailingBytes behind the last field" },
            { "negative length", Key, [.. good[..5], 1], DeadLetterReason.Undecodable, "BadLength at the field source" },
            { "length beyond the end", Key, [.. good[..5], 0xFE, 0xFF, 0xFF, 0xFF, 0x0F], DeadLetterReason.Undecodable, "at the field source" },
            { "length of 2^62", Key, [.. good[..5], .. Enumerable.Repeat((byte)0xFF, 8), 0x7F], DeadLetterReason.Undecodable, "BadLength at the field source" },
            { "endless varint", Key, [.. good[..5], .. Enumerable.Repeat((byte)0xFF, 40)], DeadLetterReason.Undecodable, "BadVarint at the field source" },
            { "bad UTF-8", Key, Patch(good, "acme"u8, [0x61, 0xC3, 0x28, 0x65]), DeadLetterReason.Undecodable, "BadUtf8 at the field tenant" },
            { "boolean 2", Key, PatchField(e => e.TokensEstimated = true, 1, 2), DeadLetterReason.Undecodable, "BadBoolean at the field tokens_estimated" },
            { "enum index 10", Key, PatchField(e => e.Operation = Operation.Rerank, 6, 20), DeadLetterReason.Undecodable, "BadEnum at the field operation" },
            { "null key", null, good, DeadLetterReason.KeyIsNotSource, "key ''" },
            { "key of another", "gateway-2"u8.ToArray(), good, DeadLetterReason.KeyIsNotSource, "key 'gateway-2' is not the event's source 'gateway-1'" },
            { "key longer than the source", "gateway-10"u8.ToArray(), good, DeadLetterReason.KeyIsNotSource, "publish with key = source" },
            { "body beyond the limit", Key, MeterHarness.Encode(Event(1).With(e => e.Route = new string('x', EventLimits.MaxEventBytes))), DeadLetterReason.TooLarge, "196608 are allowed" },
        };
    }

    [Theory]
    [MemberData(nameof(BadRecords))]
    public async Task R6_A_record_that_cannot_be_decoded_is_refused_under_no_source(string name, byte[]? key, byte[] value, DeadLetterReason reason, string detail)
    {
        _meter.Add(Event(1));
        _meter.Add(key, value);
        _meter.Add(Event(2));
        await _meter.RunAsync();
        _meter.Commit();
        var (letterKey, letter) = (_meter.Committed.Letters.Single().Key, _meter.Letters.Single());
        Assert.True(reason == letter.Reason, $"{name}: {letter.Reason}, {letter.Detail}");
        Assert.Contains(detail, letter.Detail);
        Assert.Equal(("t-token-events", 0, 1L), (letter.Topic, letter.Partition, letter.Offset));
        Assert.Equal(MeterHarness.Start.ToUnixTimeMilliseconds() * 1000, letter.ArrivedAtMicros);
        Assert.Equal(key ?? [], letterKey);
        Assert.Equal(key, letter.Key);
        Assert.Equal(value, letter.Value);
        Assert.Equal((value.Length, (byte[]?)null), (letter.ValueLength, letter.ValueSha256));
        Assert.Equal(((string?)null, (long?)null), (letter.Source, letter.Sequence));
        AssertFlowWentOn(expectedLost: 0);
        Assert.Equal(1L, _meter.Accounts[("", 0)]["rejected"]);
        Assert.Equal(1, _meter.Context.Counters.RejectedFor(reason));
    }

    [Fact]
    public async Task R6_A_body_cut_off_at_any_byte_is_refused()
    {
        var whole = MeterHarness.Encode(Largest(1, "gateway-1", "f").With(e => e.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = "b" }));
        for (var length = 0; length < whole.Length; length++)
            _meter.Add(Key, whole[..length]);
        _meter.Add(Key, whole);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal(whole.Length, _meter.Letters.Length);
        Assert.All(_meter.Letters, letter => Assert.Equal(letter.ValueLength < 5 ? DeadLetterReason.BadWireFormat : DeadLetterReason.Undecodable, letter.Reason));
        Assert.Single(_meter.Events);
    }

    public static TheoryData<string, DeadLetterReason, string, Func<TokenEvent, TokenEvent>> BadValues()
    {
        var data = new TheoryData<string, DeadLetterReason, string, Func<TokenEvent, TokenEvent>>();
        void Bad(string detail, Action<TokenEvent> change) => data.Add(detail, DeadLetterReason.InvalidValue, detail, e => e.With(change));
        void BadTime(string detail, Action<TokenEvent> change) => data.Add(detail, DeadLetterReason.TimeOutOfRange, detail, e => e.With(change));
        Bad("input_tokens is -1", e => e.InputTokens = -1);
        Bad("input_tokens is 10000000001", e => e.InputTokens = EventLimits.MaxTokens + 1);
        Bad("output_tokens is -5", e => e.OutputTokens = -5);
        Bad("output_tokens is 9223372036854775807", e => e.OutputTokens = long.MaxValue);
        Bad("cached_input_tokens is -1", e => e.CachedInputTokens = -1);
        Bad("cached_input_tokens is 11; 0 to input_tokens", e => e.CachedInputTokens = 11);
        Bad("cached_input_tokens is 6; 0 to input_tokens less cache_write_tokens (5)", e => (e.CachedInputTokens, e.CacheWriteTokens) = (6, 5));
        Bad("cached_input_tokens is 9223372036854775807", e => (e.CachedInputTokens, e.CacheWriteTokens) = (long.MaxValue, 1));
        Bad("cache_write_tokens is -1", e => e.CacheWriteTokens = -1);
        Bad("cache_write_tokens is -9223372036854775808", e => e.CacheWriteTokens = long.MinValue);
        Bad("cache_write_tokens is 11", e => e.CacheWriteTokens = 11);
        Bad("reasoning_tokens is 6; 0 to output_tokens (5)", e => e.ReasoningTokens = 6);
        Bad("reasoning_tokens is -1", e => e.ReasoningTokens = -1);
        Bad("attempt is 0", e => e.Attempt = 0);
        Bad("queue_us -2", e => e.QueueUs = -2);
        Bad("ttft_us -2", e => e.TtftUs = -2);
        Bad("duration_us -2", e => e.DurationUs = -2);
        Bad("gpu_us -2", e => e.GpuUs = -2);
        Bad("kv_token_ms -2", e => e.KvTokenMs = -2);
        Bad("tenant is empty", e => e.Tenant = "");
        Bad("model is empty", e => e.Model = "");
        Bad("tenant has 513 bytes; 512 are allowed", e => e.Tenant = Long);
        Bad("model has 513", e => e.Model = Long);
        Bad("request_id has 513", e => e.RequestId = Long);
        Bad("api_key has 513", e => e.ApiKey = Long);
        Bad("route has 513", e => e.Route = Long);
        Bad("user has 513", e => e.User = Long);
        Bad("experiment has 513", e => e.Experiment = Long);
        Bad("served_model has 513", e => e.ServedModel = Long);
        Bad("provider has 513", e => e.Provider = Long);
        Bad("pool has 513", e => e.Pool = Long);
        Bad("node has 513", e => e.Node = Long);
        Bad("lease_id has 513", e => e.LeaseId = Long);
        Bad("parent_request_id has 513", e => e.ParentRequestId = Long);
        Bad("route has 514 bytes", e => e.Route = new string('ü', 257));
        Bad("tags has 65 entries; 64 are allowed", e => e.Tags = Enumerable.Range(0, 65).ToDictionary(i => $"t{i}", _ => "", StringComparer.Ordinal));
        Bad("has 1025 + 1 bytes", e => e.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { [new string('k', 1025)] = "v" });
        Bad("tag 'k' has 1 + 1025 bytes", e => e.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["k"] = new string('v', 1025) });
        BadTime("event_time is 1577836799999999 µs (2019-12-31", e => e.EventTimeMicros = EventLimits.MinTimeMicros - 1);
        BadTime("event_time is 0 µs", e => e.EventTimeMicros = 0);
        BadTime("event_time is -9223372036854775808 µs (no date)", e => e.EventTimeMicros = long.MinValue);
        BadTime("event_time is 9223372036854775807 µs (no date)", e => e.EventTimeMicros = long.MaxValue);
        BadTime("13:00:00Z); from 2020 to one hour after the record's arrival", e => e.EventTimeMicros = NowMicros + EventLimits.MaxAheadMicros + 1);
        BadTime("admitted_at is 1577836799999999", e => e.AdmittedAtMicros = EventLimits.MinTimeMicros - 1);
        BadTime("admitted_at is", e => e.AdmittedAtMicros = NowMicros + EventLimits.MaxAheadMicros + 1);
        return data;
    }

    [Theory]
    [MemberData(nameof(BadValues))]
    public async Task R21_An_invalid_value_is_refused_under_its_source_and_takes_its_sequence(string name, DeadLetterReason reason, string detail, Func<TokenEvent, TokenEvent> spoil)
    {
        await _meter.TakeAsync(Event(1), spoil(Event(2)), Event(3), spoil(Event(2)));
        var letter = _meter.Letters.Single();
        Assert.True(reason == letter.Reason, $"{name}: {letter.Reason}, {letter.Detail}");
        Assert.Contains(detail, letter.Detail);
        Assert.Equal(("gateway-1", (long?)Epoch, (long?)2), (letter.Source, letter.Epoch, letter.Sequence));
        Assert.Equal([1, 3], _meter.Events.Select(row => row.Int64("sequence")));
        var account = _meter.Accounts[("gateway-1", Epoch)];
        Assert.Equal((4L, 2L, 1L, 1L, 0L), (account["received"], account["metered"], account["rejected"], account["duplicate"], account["lost"]));
        var row = _meter.Rows("dead_letters").Single();
        Assert.Equal((letter.Detail, "gateway-1", Epoch, 2L, 1L), (row["detail"], row["source"], row["epoch"], row["sequence"], row["offset"]));
        Assert.Equal(reason.Symbol(), row.Text("reason"));
    }

    public static TheoryData<string, Func<TokenEvent, TokenEvent>> BadIdentities() => new()
    {
        { "source has 0 bytes; 1 to 512 are allowed", e => e.With(changed => changed.Source = "") },
        { "source has 513 bytes", e => e.With(changed => changed.Source = Long) },
        { "epoch is -1", e => e.With(changed => changed.Epoch = -1) },
        { "sequence is -1", e => e.With(changed => changed.Sequence = -1) },
        { "sequence is 9223372036854775807", e => e.With(changed => changed.Sequence = long.MaxValue) },
        { "request_id is empty and sequence is 0", e => e.With(changed => (changed.Sequence, changed.RequestId) = (0, "")) },
    };

    [Theory]
    [MemberData(nameof(BadIdentities))]
    public async Task R6_An_event_without_a_valid_identity_belongs_to_no_source(string detail, Func<TokenEvent, TokenEvent> spoil)
    {
        await _meter.TakeAsync(Event(1), spoil(Event(3)), Event(2));
        var letter = _meter.Letters.Single();
        Assert.Equal(DeadLetterReason.InvalidValue, letter.Reason);
        Assert.Contains(detail, letter.Detail);
        Assert.Null(letter.Source);
        AssertFlowWentOn(expectedLost: 0);
    }

    [Fact]
    public async Task R5_A_record_outside_its_key_s_partition_is_refused()
    {
        const int Partitions = 8;
        var home = Murmur2.PartitionOf(Key, Partitions);
        var atHome = new MeterHarness(home, Partitions);
        await atHome.TakeAsync(Event(1));
        Assert.Single(atHome.Events);
        var elsewhere = new MeterHarness((home + 1) % Partitions, Partitions);
        await elsewhere.TakeAsync(Event(1));
        var letter = elsewhere.Letters.Single();
        Assert.Equal(DeadLetterReason.WrongPartition, letter.Reason);
        Assert.Contains($"partition is {home} of 8", letter.Detail);
        Assert.Empty(elsewhere.Events);
    }

    [Fact]
    public async Task R15_An_event_at_every_limit_is_metered()
    {
        await _meter.TakeAsync(Largest(1, "gateway-1", "n"), Event(1).With(e => e.EventTimeMicros = EventLimits.MinTimeMicros), Event(2).With(e => e.EventTimeMicros = NowMicros + EventLimits.MaxAheadMicros));
        Assert.Empty(_meter.Letters);
        Assert.Equal(3, _meter.Events.Length);
        Assert.Equal(EventLimits.MaxTags, ((Array)_meter.Events.Single(row => row.Int64("epoch") == long.MaxValue)["tags"]!).Length);
    }

    [Theory]
    [InlineData(1 << 20, true)]
    [InlineData((1 << 20) + 1, false)]
    [InlineData(3 << 20, false)]
    public async Task R15_An_original_above_1_MB_is_kept_as_hash_length_and_head(int bytes, bool isKept)
    {
        var value = new byte[bytes];
        Random.Shared.NextBytes(value);
        value[0] = 9;
        _meter.Add(Key, value);
        await _meter.RunAsync();
        _meter.Commit();
        var letter = _meter.Letters.Single();
        Assert.Equal(bytes, letter.ValueLength);
        Assert.Equal(isKept ? value : value[..(64 << 10)], letter.Value);
        Assert.Equal(isKept ? null : SHA256.HashData(value), letter.ValueSha256);
    }

    [Fact]
    public async Task R15_Headers_are_kept_in_their_order()
    {
        _meter.Add(Key, [], [new RecordHeader("trace", new byte[] { 1, 2 }), new RecordHeader("trace", default), new RecordHeader("ü", "x"u8.ToArray())]);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal([("trace", "0102"), ("trace", ""), ("ü", "78")], _meter.Letters.Single().Headers.Select(header => (header.Name, Convert.ToHexString(header.Value ?? []))));
    }

    /// <summary>The harness asserts that a letter fits 2 MB, its key and headers included.</summary>
    [Fact]
    public async Task R15_A_letter_fits_its_topic_however_large_key_and_headers_are()
    {
        var empty = new RecordHeader("", default);
        _meter.Add(new byte[1 << 20], new byte[1 << 20]);
        _meter.Add(Key, new byte[1 << 20], [.. Enumerable.Repeat(empty, 400_000)]);
        _meter.Add(Key, new byte[1 << 20], [new RecordHeader(new string('漢', 300_000), default), new RecordHeader("b", new byte[1 << 20])]);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal([64 << 10, Key.Length, Key.Length], _meter.Committed.Letters.Select(letter => letter.Key.Length));
    }

    [Fact]
    public async Task Counters_reconcile_with_what_was_received()
    {
        await _meter.TakeAsync(Event(1), Event(1), Event(2).With(e => e.Tenant = ""), Event(2), Event(3).With(e => e.Source = ""));
        var counters = _meter.Context.Counters;
        Assert.Equal((1L, 2L, 2L), (counters.Metered, counters.Duplicate, counters.Rejected));
        Assert.Equal(_meter.LogEnd, counters.Metered + counters.Duplicate + counters.Rejected);
        Assert.Equal(2, counters.RejectedFor(DeadLetterReason.InvalidValue));
    }

    private static string Long => new('x', EventLimits.MaxNameBytes + 1);

    private void AssertFlowWentOn(long expectedLost)
    {
        Assert.Equal([1, 2], _meter.Events.Select(row => row.Int64("sequence")));
        Assert.Equal(expectedLost, _meter.Accounts[("gateway-1", Epoch)]["lost"]);
    }

    private static byte[] Patch(byte[] value, ReadOnlySpan<byte> old, ReadOnlySpan<byte> replacement)
    {
        var copy = value.ToArray();
        replacement.CopyTo(copy.AsSpan(copy.AsSpan().IndexOf(old)));
        return copy;
    }

    /// <summary>Encodes an event with and without a change, and writes another byte where the two differ.</summary>
    private static byte[] PatchField(Action<TokenEvent> change, byte expected, byte replacement)
    {
        var (plain, changed) = (MeterHarness.Encode(Event(1)), MeterHarness.Encode(Event(1).With(change)));
        var at = plain.AsSpan().CommonPrefixLength(changed);
        Assert.Equal(expected, changed[at]);
        changed[at] = replacement;
        return changed;
    }
}
