using System.Buffers;
using System.Globalization;
using System.Text;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;

namespace Metering.ClickHouse.Tests.Native;

public sealed partial class NativeBlockTests(EngineFixture fixture)
{
    [Fact]
    public async Task Block_of_every_type_reads_back_from_the_engine()
    {
        var block = new NativeBlock();
        var append = DeclareEveryType(block);
        append(0);
        append(1);
        append(2);

        var table = await InsertAsync(block);

        Assert.Equal(
            """
            -128	-32768	-2147483648	-9223372036854775808	-170141183460469231731687303715884105728	0	0	0	0	0	false	1970-01-01	1970-01-01 00:00:00	1970-01-01 00:00:00.000000	1970-01-01 00:00:00.000	-1701411834604692317316873037158841.05728	o\'k	00000000-0000-0000-0000-000000000000	\0\0\0				{}	\N	\N	\N
            0	0	0	0	0	1	1	1	1	0.5	true	1970-01-02	1970-01-01 00:00:01	2026-01-02 03:04:05.123456	1970-01-01 00:00:00.001	0	cut	01234567-89ab-cdef-0123-456789abcdef	a\0b	tab\\there	\N	même	{'k':'v','':''}	1	-1	18446744073709551615
            127	32767	2147483647	9223372036854775807	170141183460469231731687303715884105727	255	65535	4294967295	18446744073709551615	1e300	true	2149-06-06	2106-02-07 06:28:15	2026-01-02 03:04:05.123457	1970-01-01 00:00:00.002	1701411834604692317316873037158841.05727	cut	ffffffff-ffff-ffff-ffff-ffffffffffff	xyz	\0	z	même	{'k':'w'}	2	-2	0
            """.ReplaceLineEndings("\n"),
            await fixture.Engine.QueryTextAsync($"SELECT * FROM {table} ORDER BY i16"));
    }

    [Fact]
    public async Task Block_bytes_are_those_the_engine_itself_would_write()
    {
        var block = new NativeBlock();
        var n = block.UInt64("n");
        var s = block.String("s");
        var lc = block.LowCardinality("lc");
        var maybe = block.NullableInt64("maybe");
        var map = block.Map("m");
        for (var i = 0; i < 1000; i++)
        {
            n.Append((ulong)i);
            s.Append(Text(i));
            lc.Append(Text(i % 3));
            maybe.Append(i % 2 == 0 ? null : i);
            map.Add("key"u8, Text(i));
            map.Append();
            block.EndRow();
        }

        using var engine = new MemoryStream();
        await fixture.Engine.QueryAsync(new EmbeddedQuery(
            """
            SELECT number AS n, toString(number) AS s, toLowCardinality(toString(number % 3)) AS lc,
            if(number % 2 = 0, NULL, toInt64(number)) AS maybe,
            map(toLowCardinality('key'), toString(number))::Map(LowCardinality(String), String) AS m FROM numbers(1000)
            """, "Native"), engine);

        Assert.Equal(Convert.ToHexString(engine.ToArray()), Convert.ToHexString(Encode(block)));
    }

    [Fact]
    public void Block_golden_bytes()
    {
        var block = new NativeBlock();
        var lc = block.LowCardinality("a");
        var map = block.Map("m");
        foreach (var value in new[] { "x", "", "x" })
        {
            lc.Append(Encoding.ASCII.GetBytes(value));
            map.Append();
            block.EndRow();
        }

        var expected = Convert.ToHexString(
        [
            2, 3, // columns, rows
            1, (byte)'a', 22, .. "LowCardinality(String)"u8,
            1, 0, 0, 0, 0, 0, 0, 0, // version
            0, 6, 0, 0, 0, 0, 0, 0, // own dictionary, indexes of one byte
            2, 0, 0, 0, 0, 0, 0, 0, 0, 1, (byte)'x', // "", "x"
            3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1,
            1, (byte)'m', 35, .. "Map(LowCardinality(String), String)"u8,
            1, 0, 0, 0, 0, 0, 0, 0, // the keys' version
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // three empty maps
        ]);
        Assert.Equal(expected, Convert.ToHexString(Encode(block)));
    }

    [Fact]
    public async Task Block_without_rows_is_taken_and_adds_none()
    {
        var block = new NativeBlock();
        DeclareEveryType(block);

        var table = await InsertAsync(block);

        Assert.Equal("0", await fixture.Engine.QueryTextAsync($"SELECT count() FROM {table}"));
    }

    [Fact]
    public async Task Block_of_a_million_rows_is_taken_whole()
    {
        const int rows = 1_000_000;
        var block = new NativeBlock();
        var n = block.UInt64("n");
        var lc = block.LowCardinality("lc");
        for (var i = 0; i < rows; i++)
        {
            n.Append((ulong)i);
            lc.Append(Text(i % 300));
            block.EndRow();
        }

        var table = await InsertAsync(block);

        Assert.Equal(
            "1000000\t499999500000\t300\t1",
            await fixture.Engine.QueryTextAsync($"SELECT count(), sum(n), uniqExact(lc), min(lc = toString(n % 300)) FROM {table}"));
    }

    [Theory]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(100_000)]
    public async Task LowCardinality_of_many_values_widens_its_indexes(int distinct)
    {
        var block = new NativeBlock();
        var n = block.UInt64("n");
        var lc = block.LowCardinality("lc");
        for (var i = 0; i < distinct; i++)
        {
            n.Append((ulong)i);
            lc.Append(Text(i));
            block.EndRow();
        }

        var table = await InsertAsync(block);

        Assert.Equal(distinct + 1, lc.DistinctCount);
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"{distinct}\t1"),
            await fixture.Engine.QueryTextAsync($"SELECT uniqExact(lc), min(lc = toString(n)) FROM {table}"));
    }

    [Fact]
    public async Task Block_reset_begins_anew_also_after_a_huge_one()
    {
        var block = new NativeBlock();
        var append = DeclareEveryType(block);
        for (var i = 0; i < 100_000; i++)
            append(i % 200);
        block.Reset();
        append(1);
        var fresh = new NativeBlock();
        DeclareEveryType(fresh)(1);

        Assert.Equal(Convert.ToHexString(Encode(fresh)), Convert.ToHexString(Encode(block)));
        var table = await InsertAsync(block);
        Assert.Equal("1", await fixture.Engine.QueryTextAsync($"SELECT count() FROM {table}"));
    }

    [Fact]
    public void Append_after_warm_up_allocates_nothing()
    {
        var block = new NativeBlock();
        var append = DeclareEveryType(block);
        var output = new ArrayBufferWriter<byte>(1 << 22);
        for (var round = 0; round < 3; round++)
            Fill();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Fill();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Fill()
        {
            block.Reset();
            output.ResetWrittenCount();
            for (var i = 0; i < 5000; i++)
                append(i % 100);
            block.WriteTo(output);
        }
    }

    private static readonly byte[][] Numbers = [.. Enumerable.Range(0, 100_001).Select(i => Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture)))];

    private static byte[] Text(int number) => Numbers[number];

    private static byte[] Encode(NativeBlock block)
    {
        var output = new ArrayBufferWriter<byte>();
        block.WriteTo(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Inserts the block into a new table with its own columns.</summary>
    private async Task<string> InsertAsync(NativeBlock block)
    {
        var table = await fixture.CreateDatabaseAsync() + ".t";
        var columns = string.Join(", ", block.Columns.Select(c => $"{SqlText.Identifier(c.Name)} {c.Type}"));
        await fixture.Ledger.ExecuteAsync($"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY tuple()");
        await fixture.Ledger.InsertAsync(new LedgerInsert(table, [Encode(block)], [.. block.Columns.Select(c => c.Name)], table));
        return table;
    }

    /// <summary>Columns of every type; the action appends row number i: 0 smallest, 1 middle, else largest.</summary>
    private static Action<int> DeclareEveryType(NativeBlock block)
    {
        var i8 = block.Int8("i8");
        var i16 = block.Int16("i16");
        var i32 = block.Int32("i32");
        var i64 = block.Int64("i64");
        var i128 = block.Int128("i128");
        var u8 = block.UInt8("u8");
        var u16 = block.UInt16("u16");
        var u32 = block.UInt32("u32");
        var u64 = block.UInt64("u64");
        var f64 = block.Float64("f64");
        var flag = block.Bool("flag");
        var date = block.Date("date");
        var seconds = block.DateTime("seconds");
        var micros = block.DateTime64Micros("micros");
        var millis = block.DateTime64Millis("millis");
        var money = block.Decimal38("money", 5);
        var status = block.Enum8("status", "o'k", "cut");
        var id = block.Uuid("id");
        var three = block.FixedString("three", 3);
        var text = block.String("text");
        var maybeText = block.NullableString("maybe_text");
        var word = block.LowCardinality("word");
        var tags = block.Map("tags");
        var maybe32 = block.NullableInt32("maybe32");
        var maybe64 = block.NullableInt64("maybe64");
        var maybeU64 = block.NullableUInt64("maybe_u64");
        return i =>
        {
            i8.Append(i switch { 0 => sbyte.MinValue, 1 => 0, _ => sbyte.MaxValue });
            i16.Append(i switch { 0 => short.MinValue, 1 => 0, _ => short.MaxValue });
            i32.Append(i switch { 0 => int.MinValue, 1 => 0, _ => int.MaxValue });
            i64.Append(i switch { 0 => long.MinValue, 1 => 0, _ => long.MaxValue });
            i128.Append(i switch { 0 => System.Int128.MinValue, 1 => 0, _ => System.Int128.MaxValue });
            u8.Append(i switch { 0 => 0, 1 => 1, _ => byte.MaxValue });
            u16.Append(i switch { 0 => 0, 1 => 1, _ => ushort.MaxValue });
            u32.Append(i switch { 0 => 0, 1 => 1, _ => uint.MaxValue });
            u64.Append(i switch { 0 => 0, 1 => 1, _ => ulong.MaxValue });
            f64.Append(i switch { 0 => 0, 1 => 0.5, _ => 1e300 });
            flag.Append(i != 0);
            date.Append(i switch { 0 => 0, 1 => 1, _ => ushort.MaxValue });
            seconds.Append(i switch { 0 => 0, 1 => 1, _ => uint.MaxValue });
            micros.Append(i == 0 ? 0 : 1_767_323_045_123_455 + i);
            millis.Append(i);
            money.Append(i switch { 0 => System.Int128.MinValue, 1 => 0, _ => System.Int128.MaxValue });
            status.Append((sbyte)(i == 0 ? 0 : 1));
            id.Append(i switch { 0 => Guid.Empty, 1 => new Guid("01234567-89ab-cdef-0123-456789abcdef"), _ => Guid.AllBitsSet });
            three.Append(i switch { 0 => "\0\0\0"u8, 1 => "a\0b"u8, _ => "xyz"u8 });
            text.Append(i switch { 0 => ""u8, 1 => "tab\\there"u8, _ => "\0"u8 });
            if (i == 1)
                maybeText.AppendNull();
            else
                maybeText.Append(i == 0 ? ""u8 : "z"u8);
            word.Append(i == 0 ? ""u8 : "même"u8);
            if (i == 1)
                tags.Add("k"u8, "v"u8);
            if (i == 1)
                tags.Add(""u8, ""u8);
            if (i > 1)
                tags.Add("k"u8, "w"u8);
            tags.Append();
            maybe32.Append(i == 0 ? null : i);
            maybe64.Append(i == 0 ? null : -i);
            maybeU64.Append(i switch { 0 => null, 1 => ulong.MaxValue, _ => 0UL });
            block.EndRow();
        };
    }
}
