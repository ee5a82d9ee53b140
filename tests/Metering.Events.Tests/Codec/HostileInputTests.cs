using System.Text;
using CsCheck;

namespace Metering.Events.Tests.Codec;

/// <summary>R15, R16: whatever the bytes say there is an error with a reason, never an exception, and never memory for what is not there.</summary>
public sealed class HostileInputTests
{
    /// <summary>Where a field of the sample begins: behind the encodings of the fields before it.</summary>
    private static readonly byte[] Event = Samples.Encode(new TokenEvent { Source = "s", RequestId = "r", Tenant = "t", Model = "m" });

    [Theory]
    [InlineData("TokenEvent")]
    [InlineData("Price")]
    [InlineData("DeadLetter")]
    [InlineData("SourceReport")]
    public void Body_cut_at_any_byte_is_truncated(string name)
    {
        var bytes = Encoded(name);
        for (var length = 0; length < bytes.Length; length++)
        {
            var (view, type, field) = Read(name, bytes.AsSpan(0, length));
            Assert.True(DecodeError.Truncated == view, $"{name} cut at {length}: {view}");
            Assert.True(DecodeError.Truncated == type, $"{name} cut at {length}: {type}");
            Assert.NotNull(field);
        }
    }

    [Fact]
    public void Bytes_left_over_are_an_error() =>
        Check([.. Event, 0], DecodeError.TrailingBytes, null);

    [Theory]
    // source: a length of -1, of 2^40, of more than is left, a number that never ends, one that does not fit 64 bits
    [InlineData("01", DecodeError.BadLength)]
    [InlineData("80808080808040", DecodeError.BadLength)]
    [InlineData("FEFFFFFF0F", DecodeError.Truncated)]
    [InlineData("FFFFFFFFFFFFFFFFFF02", DecodeError.BadVarint)]
    [InlineData("FFFFFFFFFFFFFFFFFFFF01", DecodeError.BadVarint)]
    [InlineData("FFFFFF", DecodeError.Truncated)]
    public void Source_with_a_hostile_length_is_refused(string hex, DecodeError expected) =>
        Check(Convert.FromHexString(hex), expected, "source");

    [Theory]
    [InlineData("FF")]
    [InlineData("C080")]
    [InlineData("EDA080")]
    [InlineData("F4908080")]
    [InlineData("61616161616161616161616161616161C3")]
    [InlineData("6161616161616161616161616161616161616161616161616161616161616161616161616161616161FF")]
    public void Source_that_is_not_UTF8_is_refused(string hex)
    {
        var text = Convert.FromHexString(hex);
        Check([(byte)(text.Length << 1), .. text, .. Event.AsSpan(2)], DecodeError.BadUtf8, "source");
    }

    [Fact]
    public void Enum_beyond_its_symbols_is_refused()
    {
        Check(Patch("operation", 10), DecodeError.BadEnum, "operation");
        Check(Patch("operation", 1), DecodeError.BadEnum, "operation");
    }

    [Fact]
    public void Boolean_of_two_is_refused() => Check(Patch("streamed", 2), DecodeError.BadBoolean, "streamed");

    [Fact]
    public void Union_branch_that_does_not_exist_is_refused()
    {
        Check(Patch("lease_id", 4), DecodeError.BadUnion, "lease_id");
        Check(Patch("prompt_hash", 1), DecodeError.BadUnion, "prompt_hash");
    }

    [Fact]
    public void Int_beyond_32_bits_is_refused()
    {
        var at = OffsetOf("attempt");
        byte[] body = [.. Event.AsSpan(0, at), 0x80, 0x80, 0x80, 0x80, 0x20, .. Event.AsSpan(at + 1)];
        Check(body, DecodeError.BadVarint, "attempt");
    }

    // No tags, and what stands behind them: no leases, no former gateway.
    private static ReadOnlySpan<byte> BehindTags => [0, 0];

    private static ReadOnlySpan<byte> BeforeTags => Event.AsSpan(0, Event.Length - 1 - BehindTags.Length);

    [Fact]
    public void Map_of_two_billion_entries_takes_no_memory()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Check([.. BeforeTags, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F], DecodeError.Truncated, "tags");
        Check([.. BeforeTags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0], DecodeError.BadLength, "tags");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
    }

    [Fact]
    public void Sized_blocks_as_Go_writes_them_are_read()
    {
        // Two entries in a block of -2 entries and 8 bytes, then one in a plain block.
        byte[] tags = [3, 16, 2, (byte)'a', 2, (byte)'1', 2, (byte)'b', 2, (byte)'2', 2, 2, (byte)'c', 2, (byte)'3', 0];
        byte[] body = [.. BeforeTags, .. tags, .. BehindTags];
        var into = new TokenEvent();

        Assert.Equal(DecodeError.None, TokenEventView.TryRead(body, out var view));
        Assert.Equal(DecodeError.None, TokenEvent.TryRead(body, new StringPool(), into));

        var seen = new StringBuilder();
        foreach (var (key, value) in view.Tags)
            seen.Append(Encoding.UTF8.GetString(key)).Append(Encoding.UTF8.GetString(value));
        Assert.Equal("a1b2c3", seen.ToString());
        Assert.Equal(3, view.Tags.Count);
        Assert.Equal("3", into.Tags["c"]);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    public void Sized_block_of_another_size_is_refused(int bytes)
    {
        byte[] tags = [3, (byte)(bytes << 1), 2, (byte)'a', 2, (byte)'1', 2, (byte)'b', 2, (byte)'2', 0];
        Check([.. BeforeTags, .. tags, .. BehindTags], DecodeError.BadBlock, "tags");
    }

    [Fact]
    public void Error_within_an_array_of_records_names_the_whole_path()
    {
        var bytes = Samples.Encode(new Price { Model = "m", Entries = [new PriceEntry { Tiers = [new PriceTier()] }] });

        var error = PriceView.TryRead(bytes.AsSpan(0, bytes.Length - 4), out _, out var field);

        Assert.Equal(DecodeError.Truncated, error);
        Assert.Equal("entries.tiers.output_pico_usd", field);
    }

    [Fact]
    public void Random_damage_is_judged_alike_by_both_readers_and_never_throws()
    {
        var pool = new StringPool(maxStrings: 64);
        var into = new TokenEvent();
        Gen.Select(Records.TokenEvent, Gen.Int.Array[1, 4], Gen.Byte.Array[1, 4]).Sample(
            (record, places, values) =>
            {
                var bytes = Samples.Encode(record);
                for (var i = 0; i < Math.Min(places.Length, values.Length); i++)
                    bytes[(uint)places[i] % bytes.Length] = values[i];
                return TokenEventView.TryRead(bytes, out _, out var viewField) == TokenEvent.TryRead(bytes, pool, into, out var classField)
                    && viewField == classField;
            },
            iter: 20_000,
            threads: 1);
    }

    [Fact]
    public void Random_bytes_never_throw() => Gen.Byte.Array[0, 300].Sample(bytes =>
        TokenEventView.TryRead(bytes, out _) == TokenEvent.TryRead(bytes, new StringPool(16), new TokenEvent())
        && PriceView.TryRead(bytes, out _) == Price.TryRead(bytes, new StringPool(16), new Price())
        && DeadLetterView.TryRead(bytes, out _) == DeadLetter.TryRead(bytes, new StringPool(16), new DeadLetter()));

    private static void Check(byte[] body, DecodeError expected, string? field)
    {
        var (view, type, failed) = Read("TokenEvent", body);
        Assert.Equal(expected, view);
        Assert.Equal(expected, type);
        Assert.Equal(field, failed);
    }

    private static (DecodeError View, DecodeError Class, string? Field) Read(string name, ReadOnlySpan<byte> body)
    {
        var pool = new StringPool(16);
        string? field;
        var error = name switch
        {
            "TokenEvent" => TokenEventView.TryRead(body, out _, out field),
            "Price" => PriceView.TryRead(body, out _, out field),
            "DeadLetter" => DeadLetterView.TryRead(body, out _, out field),
            _ => SourceReportView.TryRead(body, out _, out field),
        };
        return (error, name switch
        {
            "TokenEvent" => TokenEvent.TryRead(body, pool, new TokenEvent()),
            "Price" => Price.TryRead(body, pool, new Price()),
            "DeadLetter" => DeadLetter.TryRead(body, pool, new DeadLetter()),
            _ => SourceReport.TryRead(body, pool, new SourceReport()),
        }, field);
    }

    private static byte[] Encoded(string name) => name switch
    {
        "TokenEvent" => Samples.Encode(Samples.TokenEvent()),
        "Price" => Samples.Encode(Samples.Price()),
        "DeadLetter" => Samples.Encode(Samples.DeadLetter()),
        _ => Samples.Encode(Samples.SourceReport()),
    };

    private static byte[] Patch(string field, byte value)
    {
        var body = (byte[])Event.Clone();
        body[OffsetOf(field)] = value;
        return body;
    }

    /// <summary>The shortest prefix that fails in the field has all that is before it.</summary>
    private static int OffsetOf(string field)
    {
        for (var length = 0; length < Event.Length; length++)
        {
            TokenEventView.TryRead(Event.AsSpan(0, length), out _, out var failed);
            if (failed == field)
                return length;
        }
        throw new InvalidOperationException(field);
    }
}
