using System.Text;
using Metering.Events;

namespace Metering.Client;

/// <summary>What the pipeline would send to dead-letters, found before it is published (R21, R15). No garbage for a good event.</summary>
internal static class EventRules
{
    /// <summary>The first fault of an event, or null.</summary>
    public static string? Check(TokenEvent e, long nowMicros) =>
        CheckStrings(e) ?? CheckTokens(e) ?? CheckTimes(e, nowMicros) ?? CheckRest(e) ?? CheckTags(e.Tags) ?? CheckPaidBy(e.PaidBy);

    public static string? CheckSource(string? source) => Required("source", source);

    private static string? CheckStrings(TokenEvent e) =>
        Required("tenant", e.Tenant) ?? Required("model", e.Model)
        ?? Text("request_id", e.RequestId) ?? Text("api_key", e.ApiKey) ?? Text("route", e.Route)
        ?? Text("served_model", e.ServedModel) ?? Text("provider", e.Provider)
        ?? Optional("lease_id", e.LeaseId) ?? Optional("parent_request_id", e.ParentRequestId) ?? Optional("user", e.User)
        ?? Optional("experiment", e.Experiment) ?? Optional("pool", e.Pool) ?? Optional("node", e.Node)
        ?? Optional("ended_gateway", e.EndedGateway);

    private static string? CheckTokens(TokenEvent e)
    {
        var fault = Count("input_tokens", e.InputTokens) ?? Count("cached_input_tokens", e.CachedInputTokens)
            ?? Count("cache_write_tokens", e.CacheWriteTokens) ?? Count("output_tokens", e.OutputTokens) ?? Count("reasoning_tokens", e.ReasoningTokens);
        if (fault is not null)
            return fault;
        if (e.CachedInputTokens + e.CacheWriteTokens > e.InputTokens)
            return $"cached_input_tokens {e.CachedInputTokens} and cache_write_tokens {e.CacheWriteTokens} are more than input_tokens {e.InputTokens}, which includes them";
        if (e.ReasoningTokens > e.OutputTokens)
            return $"reasoning_tokens {e.ReasoningTokens} are more than output_tokens {e.OutputTokens}, which include them";
        return null;
    }

    private static string? CheckTimes(TokenEvent e, long nowMicros) =>
        (e.EventTimeMicros == 0 ? null : Time("event_time", e.EventTimeMicros, nowMicros))
        ?? (e.AdmittedAtMicros is { } admitted ? Time("admitted_at", admitted, nowMicros) : null);

    private static string? CheckRest(TokenEvent e)
    {
        if (e.Attempt < 1)
            return $"attempt is {e.Attempt}: 1 is the first";
        if ((uint)e.Operation > (uint)Operation.Other)
            return $"operation {(int)e.Operation} does not exist";
        if ((uint)e.Status > (uint)Status.Rejected)
            return $"status {(int)e.Status} does not exist";
        if ((uint)e.Outcome > (uint)Outcome.Failure)
            return $"outcome {(int)e.Outcome} does not exist";
        return Measure("queue_us", e.QueueUs) ?? Measure("ttft_us", e.TtftUs) ?? Measure("duration_us", e.DurationUs)
            ?? Measure("gpu_us", e.GpuUs) ?? Measure("kv_token_ms", e.KvTokenMs);
    }

    private static string? CheckTags(IDictionary<string, string>? tags)
    {
        if (tags is null)
            return "tags is null: leave it empty";
        if (tags.Count == 0)
            return null;
        if (tags.Count > EventLimits.MaxTags)
            return $"{tags.Count} tags: at most {EventLimits.MaxTags} are taken";
        if (tags is Dictionary<string, string> plain)
        {
            foreach (var (name, value) in plain)
            {
                if (CheckTag(name, value) is { } fault)
                    return fault;
            }
            return null;
        }
        foreach (var (name, value) in tags)
        {
            if (CheckTag(name, value) is { } fault)
                return fault;
        }
        return null;
    }

    private static string? CheckPaidBy(IDictionary<string, long>? paidBy)
    {
        if (paidBy is null)
            return "paid_by is null: leave it empty";
        if (paidBy.Count == 0)
            return null;
        if (paidBy.Count > EventLimits.MaxPaidBy)
            return $"paid_by has {paidBy.Count} leases: at most {EventLimits.MaxPaidBy} are taken";
        foreach (var (lease, paid) in paidBy)
        {
            if (paid < 0 || !Fits(lease, EventLimits.MaxPaidByBytes))
                return $"paid_by of {lease} is {paid}: 0 or more, and ids of at most {EventLimits.MaxPaidByBytes} bytes of UTF-8";
        }
        return null;
    }

    private static string? CheckTag(string name, string? value)
    {
        if (value is null)
            return $"tag {name} is null";
        return Fits(name, EventLimits.MaxTagBytes) && Fits(value, EventLimits.MaxTagBytes) ? null
            : $"a tag is longer than {EventLimits.MaxTagBytes} bytes of UTF-8";
    }

    private static string? Required(string field, string? value) =>
        string.IsNullOrEmpty(value) ? $"{field} is empty" : Text(field, value);

    private static string? Optional(string field, string? value) => value is null ? null : Text(field, value);

    private static string? Text(string field, string? value)
    {
        if (value is null)
            return $"{field} is null";
        return Fits(value, EventLimits.MaxNameBytes) ? null : $"{field} is longer than {EventLimits.MaxNameBytes} bytes of UTF-8";
    }

    private static bool Fits(string value, int maxBytes) =>
        value.Length * 3 <= maxBytes || (value.Length <= maxBytes && Encoding.UTF8.GetByteCount(value) <= maxBytes);

    private static string? Count(string field, long value) =>
        (ulong)value <= EventLimits.MaxTokens ? null : $"{field} is {value}: from 0 to {EventLimits.MaxTokens}";

    private static string? Measure(string field, long value) => value >= -1 ? null : $"{field} is {value}: -1 means unknown";

    private static string? Time(string field, long micros, long nowMicros)
    {
        if (micros < EventLimits.MinTimeMicros)
            return $"{field} {micros} is before 2020: it is Unix time in microseconds";
        return micros > nowMicros + EventLimits.MaxAheadMicros ? $"{field} {micros} is more than an hour ahead of this machine's clock ({nowMicros})" : null;
    }
}
