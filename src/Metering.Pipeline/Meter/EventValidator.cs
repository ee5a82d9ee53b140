using System.Globalization;
using System.Text;
using Metering.Events;

namespace Metering.Pipeline.Meter;

/// <summary>
/// Step 4: says whether a decoded event may be metered (interfaces.md, "Bad values"). The good path compares numbers and
/// lengths and allocates nothing; a fault's sentence is built only when there is one.
/// </summary>
internal static class EventValidator
{
    /// <summary>A thousand events a microsecond for two years: beyond it is a defect of the publisher, and its gap would
    /// overflow the sums of what is lost.</summary>
    private const long MaxSequence = 1L << 56;

    /// <summary>What must hold before an event's sequence can be accounted for.</summary>
    public static bool IsIdentityValid(in TokenEventView e, ReadOnlySpan<byte> key, out EventFault fault)
    {
        fault = default;
        if (e.Source.IsEmpty || e.Source.Length > EventLimits.MaxNameBytes)
            fault = Bad($"source has {e.Source.Length} bytes; 1 to {EventLimits.MaxNameBytes} are allowed");
        else if (!key.SequenceEqual(e.Source))
            fault = new EventFault(DeadLetterReason.KeyIsNotSource, $"the record's key '{Text(key)}' is not the event's source '{Text(e.Source)}': publish with key = source");
        else if (e.Epoch < 0)
            fault = Bad($"epoch is {e.Epoch}; 0 or above is allowed");
        else if (OutOf(e.Sequence, MaxSequence))
            fault = Bad($"sequence is {e.Sequence}; 1, 2, 3, … to {MaxSequence} are allowed, or 0 for not numbered");
        else if (e.Sequence == 0 && e.RequestId.IsEmpty)
            fault = Bad("request_id is empty and sequence is 0: an event that is not numbered needs a request_id");
        else
            return true;
        return false;
    }

    /// <param name="arrivedAtMs">The broker's LogAppendTime: an event's time is held against it.</param>
    public static bool IsValid(in TokenEventView e, long arrivedAtMs, out EventFault fault)
    {
        var latest = (arrivedAtMs * 1000) + EventLimits.MaxAheadMicros;
        if (e.EventTimeMicros >= EventLimits.MinTimeMicros && e.EventTimeMicros <= latest
            && (e.AdmittedAtMicros is not { } admitted || (admitted >= EventLimits.MinTimeMicros && admitted <= latest))
            && AreCountsValid(e) && AreNamesValid(e) && AreTagsValid(e) && IsPaidByValid(e))
        {
            fault = default;
            return true;
        }
        fault = Explain(e, latest);
        return false;
    }

    private static bool AreCountsValid(in TokenEventView e) =>
        (ulong)e.InputTokens <= EventLimits.MaxTokens && (ulong)e.OutputTokens <= EventLimits.MaxTokens
        && e.CachedInputTokens >= 0 && e.CacheWriteTokens >= 0 && e.CachedInputTokens <= e.InputTokens - e.CacheWriteTokens
        && (ulong)e.ReasoningTokens <= (ulong)e.OutputTokens
        && e.Attempt >= 1
        && e.QueueUs >= -1 && e.TtftUs >= -1 && e.DurationUs >= -1 && e.GpuUs >= -1 && e.KvTokenMs >= -1;

    private static bool AreNamesValid(in TokenEventView e)
    {
        const uint Max = EventLimits.MaxNameBytes;
        return (uint)e.Tenant.Length - 1 < Max && (uint)e.Model.Length - 1 < Max
            && e.RequestId.Length <= Max && e.ApiKey.Length <= Max && e.Route.Length <= Max && e.User.Length <= Max
            && e.Experiment.Length <= Max && e.ServedModel.Length <= Max && e.Provider.Length <= Max && e.Pool.Length <= Max
            && e.Node.Length <= Max && e.LeaseId.Length <= Max && e.ParentRequestId.Length <= Max && e.EndedGateway.Length <= Max;
    }

    private static bool AreTagsValid(in TokenEventView e)
    {
        if (e.Tags.Count > EventLimits.MaxTags)
            return false;
        foreach (var tag in e.Tags)
        {
            if (tag.Key.Length > EventLimits.MaxTagBytes || tag.Value.Length > EventLimits.MaxTagBytes)
                return false;
        }
        return true;
    }

    private static bool IsPaidByValid(in TokenEventView e)
    {
        if (e.PaidBy.Count > EventLimits.MaxPaidBy)
            return false;
        foreach (var paid in e.PaidBy)
        {
            if (paid.Key.Length > EventLimits.MaxPaidByBytes || paid.Value < 0)
                return false;
        }
        return true;
    }

    private static EventFault Explain(in TokenEventView e, long latestMicros)
    {
        if (e.EventTimeMicros < EventLimits.MinTimeMicros || e.EventTimeMicros > latestMicros)
            return BadTime("event_time", e.EventTimeMicros);
        if (e.AdmittedAtMicros is { } admitted && (admitted < EventLimits.MinTimeMicros || admitted > latestMicros))
            return BadTime("admitted_at", admitted);
        return BadCount(e) ?? BadName(e) ?? BadTag(e) ?? BadPaidBy(e) ?? Bad("the event is invalid");
    }

    private static EventFault? BadCount(in TokenEventView e)
    {
        if (OutOf(e.InputTokens, EventLimits.MaxTokens))
            return Bad($"input_tokens is {e.InputTokens}; 0 to {EventLimits.MaxTokens} are allowed");
        if (OutOf(e.OutputTokens, EventLimits.MaxTokens))
            return Bad($"output_tokens is {e.OutputTokens}; 0 to {EventLimits.MaxTokens} are allowed");
        if (OutOf(e.CacheWriteTokens, e.InputTokens))
            return Bad($"cache_write_tokens is {e.CacheWriteTokens}; 0 to input_tokens ({e.InputTokens}) are allowed");
        if (OutOf(e.CachedInputTokens, e.InputTokens - e.CacheWriteTokens))
            return Bad($"cached_input_tokens is {e.CachedInputTokens}; 0 to input_tokens less cache_write_tokens ({e.InputTokens - e.CacheWriteTokens}) are allowed");
        if (OutOf(e.ReasoningTokens, e.OutputTokens))
            return Bad($"reasoning_tokens is {e.ReasoningTokens}; 0 to output_tokens ({e.OutputTokens}) are allowed");
        if (e.Attempt < 1)
            return Bad($"attempt is {e.Attempt}; 1 is the first");
        if (e.QueueUs < -1 || e.TtftUs < -1 || e.DurationUs < -1 || e.GpuUs < -1 || e.KvTokenMs < -1)
            return Bad($"queue_us {e.QueueUs}, ttft_us {e.TtftUs}, duration_us {e.DurationUs}, gpu_us {e.GpuUs}, kv_token_ms {e.KvTokenMs}: below -1, which means unknown");
        return null;
    }

    private static EventFault? BadName(in TokenEventView e)
    {
        if (e.Tenant.IsEmpty)
            return Bad("tenant is empty");
        if (e.Model.IsEmpty)
            return Bad("model is empty");
        return TooLong("tenant", e.Tenant) ?? TooLong("model", e.Model) ?? TooLong("request_id", e.RequestId) ?? TooLong("api_key", e.ApiKey)
            ?? TooLong("route", e.Route) ?? TooLong("user", e.User) ?? TooLong("experiment", e.Experiment) ?? TooLong("served_model", e.ServedModel)
            ?? TooLong("provider", e.Provider) ?? TooLong("pool", e.Pool) ?? TooLong("node", e.Node) ?? TooLong("lease_id", e.LeaseId)
            ?? TooLong("parent_request_id", e.ParentRequestId) ?? TooLong("ended_gateway", e.EndedGateway);
    }

    private static EventFault? BadTag(in TokenEventView e)
    {
        if (e.Tags.Count > EventLimits.MaxTags)
            return Bad($"tags has {e.Tags.Count} entries; {EventLimits.MaxTags} are allowed");
        foreach (var tag in e.Tags)
        {
            if (tag.Key.Length > EventLimits.MaxTagBytes || tag.Value.Length > EventLimits.MaxTagBytes)
                return Bad($"tag '{Text(tag.Key)}' has {tag.Key.Length} + {tag.Value.Length} bytes; {EventLimits.MaxTagBytes} + {EventLimits.MaxTagBytes} are allowed");
        }
        return null;
    }

    private static EventFault? BadPaidBy(in TokenEventView e)
    {
        if (e.PaidBy.Count > EventLimits.MaxPaidBy)
            return Bad($"paid_by has {e.PaidBy.Count} entries; {EventLimits.MaxPaidBy} are allowed");
        foreach (var paid in e.PaidBy)
        {
            if (paid.Key.Length > EventLimits.MaxPaidByBytes || paid.Value < 0)
                return Bad($"paid_by of lease '{Text(paid.Key)}' ({paid.Key.Length} bytes) is {paid.Value}; 0 or more, and ids of at most {EventLimits.MaxPaidByBytes} bytes are allowed");
        }
        return null;
    }

    private static bool OutOf(long value, long max) => value < 0 || value > max;

    private static EventFault? TooLong(string field, ReadOnlySpan<byte> value) =>
        value.Length <= EventLimits.MaxNameBytes ? null : Bad($"{field} has {value.Length} bytes; {EventLimits.MaxNameBytes} are allowed");

    private static EventFault BadTime(string field, long micros) => new(DeadLetterReason.TimeOutOfRange, string.Create(CultureInfo.InvariantCulture,
        $"{field} is {micros} µs ({Instant(micros)}); from 2020 to one hour after the record's arrival is allowed"));

    private static string Instant(long micros)
    {
        const long MaxMicros = 253_402_300_799_999_999; // 9999-12-31
        return micros is < 0 or > MaxMicros ? "no date" : DateTimeOffset.UnixEpoch.AddMicroseconds(micros).ToString("u", CultureInfo.InvariantCulture);
    }

    private static EventFault Bad(FormattableString detail) => new(DeadLetterReason.InvalidValue, detail.ToString(CultureInfo.InvariantCulture));

    private static EventFault Bad(string detail) => new(DeadLetterReason.InvalidValue, detail);

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8.Length <= 64 ? utf8 : utf8[..64]);
}
