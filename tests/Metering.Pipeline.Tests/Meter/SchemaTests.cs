using System.Text.Json.Nodes;
using Metering.Events;
using Metering.Kafka.Tasks;
using Metering.Pipeline.Meter;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Schemas by their id: known, other versions, unknown, and a registry that is away (R16).</summary>
public sealed class SchemaTests
{
    private const int OtherId = 99;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly MeterHarness _meter = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task R16_A_known_schema_is_asked_for_once()
    {
        await _meter.TakeAsync(Event(1), Event(2));
        _meter.Crash(compacted: true);
        await _meter.TakeAsync(Event(3));
        Assert.Equal(1, _meter.Registry.Asked[FakeRegistry.TokenEventId]);
    }

    [Fact]
    public async Task R16_An_id_is_unknown_when_the_registry_has_said_so_for_ten_seconds_and_then_remembered()
    {
        Add(Event(1), OtherId);
        _meter.Add(Event(2));
        await HoldAsync(Patience - TimeSpan.FromMilliseconds(250));
        Assert.Equal(0, _meter.Context.Counters.Rejected);
        await AskAsync(TimeSpan.FromMilliseconds(250));
        Assert.Equal(ProcessResult.Taken, _meter.Step());
        var asked = _meter.Registry.Asked[OtherId];
        Add(Event(3), OtherId);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal(asked, _meter.Registry.Asked[OtherId]);
        Assert.All(_meter.Letters, letter => Assert.Equal((DeadLetterReason.UnknownSchema, "the registry knows no schema 99"), (letter.Reason, letter.Detail)));
        Assert.Equal((2, 1), (_meter.Letters.Length, _meter.Events.Length));
    }

    [Fact]
    public async Task R16_A_schema_that_comes_within_ten_seconds_is_metered()
    {
        Add(Event(1), OtherId);
        await HoldAsync(TimeSpan.FromSeconds(9));
        _meter.Registry.Schemas[OtherId] = TokenEvent.SchemaJson;
        await AskAsync(TimeSpan.Zero);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Single(_meter.Events);
        Assert.Empty(_meter.Letters);
    }

    [Fact]
    public async Task R16_A_registry_that_is_away_holds_the_partition_and_rejects_nothing()
    {
        _meter.Registry.IsAway = true;
        Add(Event(1), OtherId);
        await HoldAsync(TimeSpan.FromMinutes(5));
        Assert.Equal("the registry does not answer", _meter.Schemas.Problem);
        _meter.Registry.IsAway = false;
        _meter.Registry.Schemas[OtherId] = TokenEvent.SchemaJson;
        await AskAsync(TimeSpan.Zero);
        Assert.Null(_meter.Schemas.Problem);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Single(_meter.Events);
    }

    [Fact]
    public async Task R16_Silence_between_two_404s_starts_the_ten_seconds_anew()
    {
        Add(Event(1), OtherId);
        await HoldAsync(TimeSpan.FromSeconds(9));
        _meter.Registry.IsAway = true;
        await HoldAsync(TimeSpan.FromSeconds(5));
        _meter.Registry.IsAway = false;
        await HoldAsync(TimeSpan.FromSeconds(9));
        Assert.Equal(ProcessResult.Wait, _meter.Step());
    }

    [Fact]
    public async Task R14_Tasks_that_wait_for_one_id_do_not_queue_up_behind_each_other()
    {
        _meter.Schemas.Find(OtherId);
        var waiting = Enumerable.Range(0, 8).Select(_ => _meter.Schemas.ResolvePendingAsync(Cancellation)).ToArray();
        _meter.Time.Advance(TimeSpan.FromMilliseconds(250));
        await Task.WhenAll(waiting).WaitAsync(Patience, Cancellation);
        Assert.Equal(8, _meter.Registry.Asked[OtherId]);
    }

    [Theory]
    [InlineData("\"string\"")]
    [InlineData("""{"type":"record","name":"TokenEvent","namespace":"metering.events","fields":[]}""")]
    [InlineData("not a schema")]
    [InlineData("")]
    [InlineData("""{"type":"record","name":"TokenEvent","namespace":"metering.events","fields":[{"name":"\ud800","type":"\ud800"}]}""")]
    public async Task R16_A_schema_that_is_no_token_event_is_refused(string schema)
    {
        _meter.Registry.Schemas[OtherId] = schema;
        Add(Event(1), OtherId);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal(DeadLetterReason.IncompatibleSchema, _meter.Letters.Single().Reason);
        Assert.Contains("schema 99 cannot be read as metering.events.TokenEvent", _meter.Letters.Single().Detail);
    }

    [Fact]
    public async Task R15_A_detail_that_quotes_a_schema_of_megabytes_is_cut()
    {
        _meter.Registry.Schemas[OtherId] = Changed(fields => fields.Add(JsonNode.Parse($$"""{"name":"tenant{{new string('x', 1 << 21)}}","type":"long"}"""))).Replace("\"tenant\"", "\"renter\"");
        Add(Event(1), OtherId);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.InRange(_meter.Letters.Single().Detail.Length, 1, 2048);
    }

    [Fact]
    public async Task Another_version_is_resolved_event_by_event()
    {
        _meter.Registry.Schemas[OtherId] = WithExtraField;
        for (var i = 1; i <= 3; i++)
            _meter.Add("gateway-1"u8.ToArray(), [.. MeterHarness.Encode(Event(i), OtherId), 1]);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal([1, 2, 3], _meter.Events.Select(row => row.Int64("sequence")));
        Assert.Empty(_meter.Letters);
    }

    [Fact]
    public async Task A_truncated_event_of_another_version_names_its_field()
    {
        _meter.Registry.Schemas[OtherId] = WithExtraField;
        Add(Event(1), OtherId);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Equal((DeadLetterReason.Undecodable, "Truncated at the field extra of schema 99"), (_meter.Letters.Single().Reason, _meter.Letters.Single().Detail));
    }

    [Fact]
    public async Task A_field_removed_by_a_writer_takes_its_default()
    {
        _meter.Registry.Schemas[OtherId] = Changed(fields => fields.RemoveAt(fields.Count - 1));
        _meter.Add("gateway-1"u8.ToArray(), MeterHarness.Encode(Event(1), OtherId)[..^1]);
        await _meter.RunAsync();
        _meter.Commit();
        Assert.Empty((Array)_meter.Events.Single()["tags"]!);
    }

    private static string WithExtraField => Changed(fields => fields.Add(JsonNode.Parse("""{"name":"extra","type":"boolean"}""")));

    private static string Changed(Action<JsonArray> change)
    {
        var schema = JsonNode.Parse(TokenEvent.SchemaJson)!;
        change(schema["fields"]!.AsArray());
        return schema.ToJsonString();
    }

    private void Add(TokenEvent e, int schemaId) => _meter.Add(System.Text.Encoding.UTF8.GetBytes(e.Source), MeterHarness.Encode(e, schemaId));

    /// <summary>The processor waits for as long as this, by the registry's turns of 250 ms.</summary>
    private async Task HoldAsync(TimeSpan time)
    {
        for (var gone = TimeSpan.Zero; gone <= time; gone += TimeSpan.FromMilliseconds(250))
        {
            Assert.Equal(ProcessResult.Wait, _meter.Step());
            await AskAsync(gone == TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(250));
        }
    }

    /// <summary>Lets time pass and asks the registry, until it has been asked.</summary>
    private async Task AskAsync(TimeSpan gone)
    {
        _meter.Time.Advance(gone);
        _meter.Schemas.Find(OtherId);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var asking = _meter.Schemas.ResolvePendingAsync(stop.Token);
        await stop.CancelAsync(); // It has asked, which the fake answers at once; what is left is its wait before the next turn.
        try
        {
            await asking;
        }
        catch (OperationCanceledException)
        {
            Assert.False(Cancellation.IsCancellationRequested);
        }
    }
}
