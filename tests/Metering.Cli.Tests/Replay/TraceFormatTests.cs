using System.Text;
using Metering.Cli.Replay;
using Metering.Events;

namespace Metering.Cli.Tests.Replay;

public sealed class TraceFormatTests : IDisposable
{
    private const string Azure = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109";

    private readonly TraceFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Azure_csv_is_read_with_CRLF_and_a_last_line_without_end()
    {
        var events = Traces.All(_folder.Write("a.csv", Azure), new TraceOptions { EventTime = ReplayEventTime.Trace });
        Assert.Equal([(374L, 44L), (396L, 109L)], events.Select(e => (e.Event.InputTokens, e.Event.OutputTokens)));
        Assert.Equal([0L, 4_314_579L], events.Select(e => e.OffsetMicros));
        Assert.Equal(1_700_158_546_680_590, events[0].Event.EventTimeMicros);
    }

    [Theory]
    [InlineData("2024-05-10 00:00:00.009930+00:00", 1_715_299_200_009_930)]
    [InlineData("2024-05-10 02:00:00+02:00", 1_715_299_200_000_000)]
    [InlineData("2024-05-10T00:00:00.5Z", 1_715_299_200_500_000)]
    [InlineData("2024-05-10 00:00:00.1234567899", 1_715_299_200_123_456)]
    public void Azure_csv_takes_every_published_form_of_time(string time, long expectedMicros)
    {
        var path = _folder.Write("a.csv", $"GeneratedTokens,TIMESTAMP,ContextTokens\n1,{time},2\n");
        var e = Assert.Single(Traces.All(path, new TraceOptions { EventTime = ReplayEventTime.Trace })).Event;
        Assert.Equal((expectedMicros, 2, 1), (e.EventTimeMicros, e.InputTokens, e.OutputTokens));
    }

    [Fact]
    public void Mooncake_counts_leading_known_blocks_as_cached_input()
    {
        var path = _folder.Write("m.jsonl", """
            {"timestamp": 27482, "input_length": 1000, "output_length": 6, "hash_ids": [1, 2]}
            {"timestamp": 27483, "input_length": 1100, "output_length": 7, "hash_ids": [1, 2, 3]}
            {"timestamp": 30482, "input_length": 1100, "output_length": 8, "hash_ids": [9, 2, 3]}
            {"timestamp": 30482, "input_length": 600, "output_length": 9, "hash_ids": [1, 2], "extra": {"a": [1]}}
            """);
        var events = Traces.All(path);
        // A block counts whole, the prompt's last one only as far as the prompt goes; after an unknown block nothing counts.
        Assert.Equal([0L, 1_024L, 0L, 600L], events.Select(e => e.Event.CachedInputTokens));
        Assert.Equal([0L, 1_000L, 3_000_000L, 3_000_000L], events.Select(e => e.OffsetMicros));
    }

    [Fact]
    public void Own_jsonl_keeps_every_field_but_the_identity_R1()
    {
        var path = _folder.Write("own.jsonl", """
            {"source":"other","epoch":9,"sequence":7,"event_time":"2026-01-31T12:00:00.25Z","admitted_at":1769860800000001,"lease_id":"l","request_id":"r-1","attempt":2,"parent_request_id":"p","tenant":"acme","api_key":"k_1","route":"/x","user":"u","experiment":"e","model":"gpt-4o","served_model":"gpt-4o-mini","provider":"openai","pool":"h100","node":"n1","operation":"embedding","status":"cut","outcome":"success","input_tokens":10,"cached_input_tokens":3,"cache_write_tokens":2,"output_tokens":5,"reasoning_tokens":4,"tokens_estimated":true,"streamed":true,"queue_us":1,"ttft_us":2,"duration_us":3,"gpu_us":4,"kv_token_ms":5,"prompt_hash":-6,"tags":{"team":"a"}}
            {"event_time":1769860801000000,"input_tokens":1,"pool":null}
            {}
            """);
        var options = new TraceOptions { Tenant = "t", Model = "m", Route = "r", EventTime = ReplayEventTime.Now };
        using var reader = TraceReader.Open(path, options);
        var events = reader.ReadAll().ToList();
        var e = events[0].Event;
        Assert.Equal(("own", reader.Epoch, 1L), (e.Source, e.Epoch, e.Sequence));
        Assert.Equal((1_769_860_800_000_001, "l", "r-1", 2, "p"), (e.AdmittedAtMicros, e.LeaseId, e.RequestId, e.Attempt, e.ParentRequestId));
        Assert.Equal(("acme", "k_1", "/x", "u", "e"), (e.Tenant, e.ApiKey, e.Route, e.User, e.Experiment));
        Assert.Equal(("gpt-4o", "gpt-4o-mini", "openai", "h100", "n1"), (e.Model, e.ServedModel, e.Provider, e.Pool, e.Node));
        Assert.Equal((Operation.Embedding, Status.Cut, Outcome.Success), (e.Operation, e.Status, e.Outcome));
        Assert.Equal((10, 3, 2, 5, 4), (e.InputTokens, e.CachedInputTokens, e.CacheWriteTokens, e.OutputTokens, e.ReasoningTokens));
        Assert.Equal((true, true, 1, 2, 3, 4, 5, -6L), (e.TokensEstimated, e.Streamed, e.QueueUs, e.TtftUs, e.DurationUs, e.GpuUs, e.KvTokenMs, e.PromptHash));
        Assert.Equal("a", e.Tags["team"]);
        Assert.Equal(("t", "m", "m", "r"), (events[2].Event.Tenant, events[2].Event.Model, events[2].Event.ServedModel, events[2].Event.Route));
        Assert.Equal([0L, 750_000L, 750_000L], events.Select(x => x.OffsetMicros));
    }

    [Theory]
    [InlineData("{\"input_tokns\":1}", 16, "did you mean input_tokens?")]
    [InlineData("{\"input_tokens\":-1}", 17, "input_tokens: expected a whole number of 0 or more")]
    [InlineData("{\"input_tokens\":1.5}", 17, "whole number")]
    [InlineData("{\"input_tokens\":99999999999999999999}", 17, "whole number")]
    [InlineData("{\"tenant\":\"\"}", 11, "tenant is empty")]
    [InlineData("{\"tenant\":5}", 11, "tenant: expected a string")]
    [InlineData("{\"tenant\":\"\\ud800\"}", 11, "no valid UTF-8")]
    [InlineData("{\"status\":\"okay\"}", 11, "status is 'okay'; expected one of ok, error")]
    [InlineData("{\"streamed\":1}", 13, "expected true or false")]
    [InlineData("{\"event_time\":\"yesterday\"}", 15, "event_time: expected Unix microseconds")]
    [InlineData("{\"input_tokens\":1,\"input_tokens\":2}", 34, "stands twice")]
    [InlineData("{\"input_tokens\":1,\"cached_input_tokens\":2}", 1, "cached_input_tokens is 2, more than the 1")]
    [InlineData("{\"input_tokens\":3,\"cached_input_tokens\":2,\"cache_write_tokens\":2}", 1, "include both")]
    [InlineData("{\"output_tokens\":1,\"reasoning_tokens\":2}", 1, "reasoning_tokens is 2")]
    [InlineData("{\"tags\":{\"a\":1}}", 14, "tags.a: expected a string")]
    [InlineData("{\"tags\":[]}", 9, "tags: expected an object")]
    [InlineData("{\"tenant\":\"a\"} {}", 16, "is no JSON")]
    [InlineData("{\"tenant\":", 11, "is no JSON")]
    [InlineData("[1]", 1, "expected a JSON object")]
    [InlineData("!", 1, "is no JSON")]
    public void Own_jsonl_a_bad_line_is_named_with_line_and_column(string line, long column, string expected)
    {
        var error = Traces.Fails(_folder.Write("own.jsonl", "{\"tenant\":\"a\"}\n\n" + line + "\n{\"tenant\":\"b\"}\n"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal((3, column), (error.Line, error.Column));
    }

    [Theory]
    [InlineData("2023-11-16 18:15:46.6805900,374", 1, "has 2 fields; the header has 3")]
    [InlineData("2023-11-16 18:15:46.6805900,374,1,2", 1, "has 4 fields")]
    [InlineData("2023-11-31 18:15:46,374,1", 1, "TIMESTAMP is '2023-11-31 18:15:46'")]
    [InlineData("2023-11-16 24:15:46,374,1", 1, "expected a time such as")]
    [InlineData("16.11.2023,374,1", 1, "expected a time such as")]
    [InlineData("2023-11-16 18:15:46.,374,1", 1, "expected a time such as")]
    [InlineData("2023-11-16 18:15:46.6805900,-3,1", 29, "ContextTokens is '-3'; expected a whole number")]
    [InlineData("2023-11-16 18:15:46.6805900,374,", 33, "GeneratedTokens is ''")]
    [InlineData("2023-11-16 18:15:46.6805900,374,9223372036854775808", 33, "GeneratedTokens is '9223372036854775808'")]
    public void Azure_csv_a_bad_row_is_named_with_line_and_column(string row, long column, string expected)
    {
        var error = Traces.Fails(_folder.Write("a.csv", Azure + "\r\n" + row + "\r\n"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal((4, column), (error.Line, error.Column));
        Assert.Contains("a.csv: line 4, column", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"timestamp\":0,\"input_length\":1,\"output_length\":1}", "has no hash_ids")]
    [InlineData("{\"timestamp\":0,\"input_length\":1,\"hash_ids\":[]}", "has no output_length")]
    [InlineData("{\"timestamp\":0,\"input_length\":1,\"output_length\":1,\"hash_ids\":7}", "expected an array")]
    [InlineData("{\"timestamp\":0,\"input_length\":1,\"output_length\":1,\"hash_ids\":[\"a\"]}", "whole number")]
    [InlineData("{\"timestamp\":-1,\"input_length\":1,\"output_length\":1,\"hash_ids\":[]}", "timestamp: expected")]
    [InlineData("{\"timestamp\":0,\"input_length\":1,\"output_length\":1,\"hash_ids\":[", "is no JSON")]
    public void Mooncake_a_bad_line_is_named(string line, string expected)
    {
        var path = _folder.Write("m.jsonl", "{\"timestamp\":0,\"input_length\":1,\"output_length\":1,\"hash_ids\":[]}\n" + line);
        var error = Traces.Fails(path);
        Assert.Equal(2, error.Line);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("\n \n\t\n", "is empty")]
    [InlineData("a,b,c\n1,2,3\n", "is no trace that is known")]
    [InlineData("PAR1\0\0\u0001", "is no trace that is known")]
    public void Open_refuses_what_is_no_trace(string text, string expected) =>
        Assert.Contains(expected, Traces.Fails(_folder.Write("x.csv", text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_refuses_a_file_that_is_not_there() =>
        Assert.Contains("no such file", Traces.Fails(Path.Combine(_folder.Path, "none.csv")).Message, StringComparison.Ordinal);

    [Fact]
    public void Lines_are_bounded_so_that_a_file_without_ends_cannot_take_the_memory()
    {
        var bomb = TraceFolder.Gzip(Azure + "\n" + new string('1', 3 << 20));
        var error = Traces.Fails(_folder.Write("bomb.csv.gz", bomb));
        Assert.Contains("longer than", error.Message, StringComparison.Ordinal);
        Assert.Equal(4, error.Line);
    }

    [Fact]
    public void A_long_line_within_the_bound_is_read_whole()
    {
        var line = "{\"tenant\":\"" + new string('t', 900_000) + "\"}";
        var events = Traces.All(_folder.Write("own.jsonl", line + "\n" + line + "\n{}"));
        Assert.Equal([900_000, 900_000, 6], events.Select(e => e.Event.Tenant.Length));
    }

    [Fact]
    public void Gzip_that_is_cut_off_is_an_error_not_an_early_end()
    {
        var rows = new StringBuilder(Azure);
        for (var i = 0; i < 5_000; i++)
            rows.Append("\r\n2023-11-16 18:15:51.0000000,").Append(i * 7919 % 10_007).Append(",1");
        var packed = TraceFolder.Gzip(rows.ToString());
        var error = Traces.Fails(_folder.Write("a.csv.gz", packed[..(packed.Length / 2)]));
        Assert.Contains("damaged or cut off", error.Message, StringComparison.Ordinal);
        error = Traces.Fails(_folder.Write("b.csv.gz", packed[..10]));
        Assert.Contains("damaged or cut off", error.Message, StringComparison.Ordinal);
    }
}
