using System.Text;
using Avro.Generic;
using Avro.IO;
using CsCheck;

namespace Metering.Events.Tests.Codec;

public sealed class RoundTripTests
{
    [Fact]
    public void TokenEvent_read_into_a_class_writes_the_same_bytes()
    {
        var pool = new StringPool(maxStrings: 64);
        var into = new TokenEvent();
        Records.TokenEvent.Sample(
            record =>
            {
                var bytes = Samples.Encode(record);
                return TokenEvent.TryRead(bytes, pool, into) == DecodeError.None && Samples.Encode(into).AsSpan().SequenceEqual(bytes);
            },
            threads: 1);
    }

    [Fact]
    public void TokenEvent_as_Apache_writes_it_has_our_bytes() => Records.TokenEvent.Sample(record =>
    {
        var bytes = Samples.Encode(record);
        var schema = TokenEvent.AvroSchema;
        var generic = new GenericDatumReader<GenericRecord>(schema, schema).Read(null!, new BinaryDecoder(new MemoryStream(bytes)));
        using var stream = new MemoryStream();
        new GenericDatumWriter<GenericRecord>(schema).Write(generic, new BinaryEncoder(stream));
        return stream.ToArray().AsSpan().SequenceEqual(bytes);
    });

    [Fact]
    public void TokenEvent_seen_through_a_view_is_what_was_written() => Records.TokenEvent.Sample(record =>
    {
        Assert.Equal(DecodeError.None, TokenEventView.TryRead(Samples.Encode(record), out var view));
        Assert.Equal(record.Source, Text(view.Source));
        Assert.Equal(record.Epoch, view.Epoch);
        Assert.Equal(record.Sequence, view.Sequence);
        Assert.Equal(record.EventTimeMicros, view.EventTimeMicros);
        Assert.Equal(record.AdmittedAtMicros, view.AdmittedAtMicros);
        Assert.Equal(record.LeaseId, view.HasLeaseId ? Text(view.LeaseId) : null);
        Assert.Equal(record.RequestId, Text(view.RequestId));
        Assert.Equal(record.Attempt, view.Attempt);
        Assert.Equal(record.ParentRequestId, view.HasParentRequestId ? Text(view.ParentRequestId) : null);
        Assert.Equal(record.Tenant, Text(view.Tenant));
        Assert.Equal(record.ApiKey, Text(view.ApiKey));
        Assert.Equal(record.Route, Text(view.Route));
        Assert.Equal(record.User, view.HasUser ? Text(view.User) : null);
        Assert.Equal(record.Experiment, view.HasExperiment ? Text(view.Experiment) : null);
        Assert.Equal(record.Model, Text(view.Model));
        Assert.Equal(record.ServedModel, Text(view.ServedModel));
        Assert.Equal(record.Provider, Text(view.Provider));
        Assert.Equal(record.Pool, view.HasPool ? Text(view.Pool) : null);
        Assert.Equal(record.Node, view.HasNode ? Text(view.Node) : null);
        Assert.Equal((record.Operation, record.Status, record.Outcome), (view.Operation, view.Status, view.Outcome));
        Assert.Equal((record.InputTokens, record.CachedInputTokens, record.CacheWriteTokens), (view.InputTokens, view.CachedInputTokens, view.CacheWriteTokens));
        Assert.Equal((record.OutputTokens, record.ReasoningTokens), (view.OutputTokens, view.ReasoningTokens));
        Assert.Equal((record.TokensEstimated, record.Streamed), (view.TokensEstimated, view.Streamed));
        Assert.Equal((record.QueueUs, record.TtftUs, record.DurationUs), (view.QueueUs, view.TtftUs, view.DurationUs));
        Assert.Equal((record.GpuUs, record.KvTokenMs, record.PromptHash), (view.GpuUs, view.KvTokenMs, view.PromptHash));
        Assert.Equal(record.Tags.Count, view.Tags.Count);
        foreach (var (key, value) in view.Tags)
            Assert.Equal(record.Tags[Text(key)], Text(value));
    });

    [Fact]
    public void Arrays_of_records_are_walked_without_copies()
    {
        Assert.Equal(DecodeError.None, PriceView.TryRead(Samples.Encode(Samples.Price()), out var price));

        var seen = new List<(long From, long Above, long Input)>();
        foreach (var entry in price.Entries)
        {
            foreach (var tier in entry.Tiers)
                seen.Add((entry.EffectiveFromMicros, tier.AboveInputTokens, tier.InputPicoUsd));
        }

        Assert.Equal(2, price.Entries.Count);
        Assert.Equal([(1_700_000_000_000_000, 0, 2_500_000), (1_700_000_000_000_000, 200_000, 5_000_000)], seen);
    }

    [Theory]
    [InlineData("Price")]
    [InlineData("DeadLetter")]
    [InlineData("SourceReport")]
    public void Other_records_survive_the_way_through_a_class(string name)
    {
        var pool = new StringPool();
        var (bytes, again, error) = name switch
        {
            "Price" => Through<Price>(Samples.Price(), pool),
            "DeadLetter" => Through<DeadLetter>(Samples.DeadLetter(), pool),
            _ => Through<SourceReport>(Samples.SourceReport(), pool),
        };

        Assert.Equal(DecodeError.None, error);
        Assert.Equal(bytes, again);
    }

    [Fact]
    public void New_record_bears_the_defaults_of_its_schema()
    {
        var record = new TokenEvent();

        Assert.Equal(1, record.Attempt);
        Assert.Equal(-1, record.QueueUs);
        Assert.Equal((Operation.Other, Status.Ok, Outcome.Unknown), (record.Operation, record.Status, record.Outcome));
        Assert.Empty(record.Tags);
        Assert.Null(record.AdmittedAtMicros);
    }

    [Fact]
    public void WriteTo_null_in_a_field_that_must_not_be_names_the_field()
    {
        var record = Samples.TokenEvent();
        record.Tenant = null!;

        Assert.Equal("Tenant", Assert.Throws<ArgumentNullException>(() => Samples.Encode(record)).ParamName);
    }

    [Fact]
    public void Enum_symbols_go_both_ways()
    {
        foreach (var symbol in StatusSymbols.All)
        {
            Assert.True(StatusSymbols.TryParse(symbol, out var value));
            Assert.Equal(symbol, value.Symbol());
        }
        Assert.False(StatusSymbols.TryParse("nonsense", out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => ((Status)99).Symbol());
    }

    private static (string Bytes, string Again, DecodeError Error) Through<T>(T record, StringPool pool)
        where T : IAvroRecord<T>, new()
    {
        var into = new T();
        var bytes = Samples.Encode(record);
        var error = T.TryRead(bytes, pool, into, out _);
        return (Convert.ToHexString(bytes), Convert.ToHexString(Samples.Encode(into)), error);
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
