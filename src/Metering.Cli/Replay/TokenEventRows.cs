using System.Text.Json;
using Metering.Cli.Settings;
using Metering.Events;

namespace Metering.Cli.Replay;

/// <summary>
/// Our own JSONL: TokenEvent's field names, any of them left out. <c>source</c>, <c>epoch</c> and <c>sequence</c> are
/// checked and then replaced by the replay's own identity (rule R1: an identity is never used twice).
/// </summary>
internal sealed class TokenEventRows(LineReader lines) : ITraceRows
{
    private static readonly string[] Names =
    [
        "source", "epoch", "sequence", "event_time", "admitted_at", "lease_id", "request_id", "attempt", "parent_request_id",
        "tenant", "api_key", "route", "user", "experiment", "model", "served_model", "provider", "pool", "node",
        "operation", "status", "outcome", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens",
        "reasoning_tokens", "tokens_estimated", "streamed", "queue_us", "ttft_us", "duration_us", "gpu_us", "kv_token_ms",
        "prompt_hash", "tags",
    ];

    private readonly HashSet<string> _stood = new(StringComparer.Ordinal);
    private long _lastMicros;

    public TraceFormat Format => TraceFormat.TokenEventJsonl;

    public bool TryRead(TokenEvent into, out long atMicros)
    {
        atMicros = _lastMicros;
        if (!lines.MoveNext())
            return false;
        _stood.Clear();
        var reader = JsonLine.Open(lines);
        while (JsonLine.NextProperty(lines, ref reader, out var name))
        {
            if (!_stood.Add(name))
                throw JsonLine.Error(lines, ref reader, $"{name} stands twice");
            if (!TryIdentity(ref reader, name, into) && !TryCount(ref reader, name, into) && !TryKind(ref reader, name, into))
                throw Unknown(ref reader, name);
        }
        // The model that answered is the one asked for, unless the line says otherwise.
        if (!_stood.Contains("served_model"))
            into.ServedModel = into.Model;
        Check(into);
        if (_stood.Contains("event_time"))
            _lastMicros = atMicros = into.EventTimeMicros;
        return true;
    }

    public void Dispose() => lines.Dispose();

    private bool TryIdentity(ref Utf8JsonReader reader, string name, TokenEvent into)
    {
        switch (name)
        {
            case "source": JsonLine.Text(lines, ref reader, name); break;
            case "epoch" or "sequence": JsonLine.Whole(lines, ref reader, name); break;
            case "event_time": into.EventTimeMicros = Time(ref reader, name) ?? throw JsonLine.Error(lines, ref reader, "event_time is null"); break;
            case "admitted_at": into.AdmittedAtMicros = Time(ref reader, name); break;
            case "lease_id": into.LeaseId = OptionalText(ref reader, name); break;
            case "request_id": into.RequestId = JsonLine.Text(lines, ref reader, name); break;
            case "attempt": into.Attempt = (int)JsonLine.Whole(lines, ref reader, name, least: 1, most: int.MaxValue); break;
            case "parent_request_id": into.ParentRequestId = OptionalText(ref reader, name); break;
            case "tenant": into.Tenant = Filled(ref reader, name); break;
            case "api_key": into.ApiKey = JsonLine.Text(lines, ref reader, name); break;
            case "route": into.Route = JsonLine.Text(lines, ref reader, name); break;
            case "user": into.User = OptionalText(ref reader, name); break;
            case "experiment": into.Experiment = OptionalText(ref reader, name); break;
            case "model": into.Model = Filled(ref reader, name); break;
            case "served_model": into.ServedModel = JsonLine.Text(lines, ref reader, name); break;
            case "provider": into.Provider = JsonLine.Text(lines, ref reader, name); break;
            case "pool": into.Pool = OptionalText(ref reader, name); break;
            case "node": into.Node = OptionalText(ref reader, name); break;
            default: return false;
        }
        return true;
    }

    private bool TryCount(ref Utf8JsonReader reader, string name, TokenEvent into)
    {
        switch (name)
        {
            case "input_tokens": into.InputTokens = JsonLine.Whole(lines, ref reader, name); break;
            case "cached_input_tokens": into.CachedInputTokens = JsonLine.Whole(lines, ref reader, name); break;
            case "cache_write_tokens": into.CacheWriteTokens = JsonLine.Whole(lines, ref reader, name); break;
            case "output_tokens": into.OutputTokens = JsonLine.Whole(lines, ref reader, name); break;
            case "reasoning_tokens": into.ReasoningTokens = JsonLine.Whole(lines, ref reader, name); break;
            case "queue_us": into.QueueUs = JsonLine.Whole(lines, ref reader, name, least: -1); break;
            case "ttft_us": into.TtftUs = JsonLine.Whole(lines, ref reader, name, least: -1); break;
            case "duration_us": into.DurationUs = JsonLine.Whole(lines, ref reader, name, least: -1); break;
            case "gpu_us": into.GpuUs = JsonLine.Whole(lines, ref reader, name, least: -1); break;
            case "kv_token_ms": into.KvTokenMs = JsonLine.Whole(lines, ref reader, name, least: -1); break;
            case "prompt_hash": into.PromptHash = reader.TokenType == JsonTokenType.Null ? null : JsonLine.Whole(lines, ref reader, name, least: long.MinValue); break;
            default: return false;
        }
        return true;
    }

    private bool TryKind(ref Utf8JsonReader reader, string name, TokenEvent into)
    {
        switch (name)
        {
            case "operation": into.Operation = Symbol<Operation>(ref reader, name); break;
            case "status": into.Status = Symbol<Status>(ref reader, name); break;
            case "outcome": into.Outcome = Symbol<Outcome>(ref reader, name); break;
            case "tokens_estimated": into.TokensEstimated = Flag(ref reader, name); break;
            case "streamed": into.Streamed = Flag(ref reader, name); break;
            case "tags": into.Tags = Tags(ref reader, name); break;
            default: return false;
        }
        return true;
    }

    /// <summary>What METER would send to the dead letters is refused here, where the line is known.</summary>
    private void Check(TokenEvent e)
    {
        if (e.CachedInputTokens > e.InputTokens)
            throw lines.Error(1, $"cached_input_tokens is {e.CachedInputTokens}, more than the {e.InputTokens} input_tokens that include it");
        if (e.CacheWriteTokens > e.InputTokens - e.CachedInputTokens)
            throw lines.Error(1, $"cached_input_tokens and cache_write_tokens are more than the {e.InputTokens} input_tokens that include both");
        if (e.ReasoningTokens > e.OutputTokens)
            throw lines.Error(1, $"reasoning_tokens is {e.ReasoningTokens}, more than the {e.OutputTokens} output_tokens that include it");
    }

    private string? OptionalText(ref Utf8JsonReader reader, string name) =>
        reader.TokenType == JsonTokenType.Null ? null : JsonLine.Text(lines, ref reader, name);

    private string Filled(ref Utf8JsonReader reader, string name)
    {
        var text = JsonLine.Text(lines, ref reader, name);
        return text.Length > 0 ? text : throw JsonLine.Error(lines, ref reader, $"{name} is empty; leave it out for the default, or name it");
    }

    private bool Flag(ref Utf8JsonReader reader, string name) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw JsonLine.Error(lines, ref reader, $"{name}: expected true or false"),
    };

    /// <summary>Unix microseconds, or text such as 2026-01-31T12:00:00.25Z.</summary>
    private long? Time(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType == JsonTokenType.Number)
            return JsonLine.Whole(lines, ref reader, name);
        return reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped && TraceTime.TryParse(reader.ValueSpan, out var micros)
            ? micros
            : throw JsonLine.Error(lines, ref reader, $"{name}: expected Unix microseconds or a time such as 2026-01-31T12:00:00.25Z");
    }

    private T Symbol<T>(ref Utf8JsonReader reader, string name)
        where T : struct, Enum
    {
        var text = JsonLine.Text(lines, ref reader, name);
        foreach (var value in Enum.GetValues<T>())
        {
            if (value.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
                return value;
        }
        var known = string.Join(", ", Enum.GetNames<T>().Select(n => n.ToLowerInvariant()));
        throw JsonLine.Error(lines, ref reader, $"{name} is '{text}'; expected one of {known}");
    }

    private Dictionary<string, string> Tags(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw JsonLine.Error(lines, ref reader, $"{name}: expected an object of strings");
        var tags = new Dictionary<string, string>(StringComparer.Ordinal);
        while (JsonLine.Read(lines, ref reader) && reader.TokenType != JsonTokenType.EndObject)
        {
            var tag = JsonLine.Text(lines, ref reader, name);
            JsonLine.Read(lines, ref reader);
            tags[tag] = JsonLine.Text(lines, ref reader, $"{name}.{tag}");
        }
        return tags;
    }

    private TraceException Unknown(ref Utf8JsonReader reader, string name)
    {
        var nearest = NearestName.Of(name, Names);
        return JsonLine.Error(lines, ref reader, $"'{name}' is no field of a token event{(nearest is null ? "" : $"; did you mean {nearest}?")}");
    }
}
