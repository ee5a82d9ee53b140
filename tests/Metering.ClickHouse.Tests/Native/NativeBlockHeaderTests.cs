using System.Buffers;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;

namespace Metering.ClickHouse.Tests.Native;

public sealed class NativeBlockHeaderTests(EngineFixture fixture)
{
    [Fact]
    [Trait("rule", "R19")]
    public async Task AppendConstantColumns_block_with_its_place_reads_back_from_the_engine()
    {
        var block = Block(rows: 20_000);
        var table = await fixture.CreateDatabaseAsync() + ".t";
        await fixture.Ledger.ExecuteAsync($"CREATE TABLE {table} (n Int64, s LowCardinality(String), ledger_partition UInt16, block_offset UInt64) ENGINE = MergeTree ORDER BY n");

        var output = new ArrayBufferWriter<byte>();
        NativeBlockHeader.AppendConstantColumns(
            block, [ConstantColumn.UInt16("ledger_partition", 65_535), ConstantColumn.UInt64("block_offset", 1UL << 62)], output);
        await fixture.Ledger.InsertAsync(new LedgerInsert(table, [output.WrittenMemory], ["n", "s", "ledger_partition", "block_offset"], "t"));

        Assert.Equal(
            "20000\t199990000\t65535\t65535\t4611686018427387904\t4611686018427387904",
            await fixture.Engine.QueryTextAsync($"SELECT count(), sum(n), min(ledger_partition), max(ledger_partition), min(block_offset), max(block_offset) FROM {table} WHERE s = 'x'"));
    }

    [Fact]
    public void AppendConstantColumns_beyond_127_columns_widens_the_count()
    {
        var block = new NativeBlock();
        for (var i = 0; i < 127; i++)
            block.UInt8("c" + i);
        var output = new ArrayBufferWriter<byte>();
        block.WriteTo(output);
        var widened = new ArrayBufferWriter<byte>();

        NativeBlockHeader.AppendConstantColumns(output.WrittenSpan, [ConstantColumn.UInt16("p", 1)], widened);

        Assert.True(NativeBlockHeader.TryRead(widened.WrittenSpan, out var header));
        Assert.Equal((128, 0, 3), (header.Columns, header.Rows, header.HeaderBytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("02")]
    [InlineData("0280")]
    [InlineData("FFFFFFFFFFFFFFFFFF7F01")]
    [InlineData("0001")]
    [InlineData("000000")]
    [InlineData("02FFFFFFFFFFFFFFFFFF01")]
    [InlineData("01FFFFFFFF0F0161")]
    [InlineData("FFFF7F01000000")]
    public void AppendConstantColumns_bytes_that_are_no_block_are_refused(string hex)
    {
        var bytes = Convert.FromHexString(hex);

        Assert.False(NativeBlockHeader.TryRead(bytes, out _));
        Assert.Throws<FormatException>(() => NativeBlockHeader.AppendConstantColumns(bytes, [], new ArrayBufferWriter<byte>()));
    }

    [Fact]
    public void AppendConstantColumns_random_bytes_never_crash_nor_blow_up()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            if (!NativeBlockHeader.TryRead(bytes, out _))
                continue;
            var output = new ArrayBufferWriter<byte>();
            NativeBlockHeader.AppendConstantColumns(bytes, [ConstantColumn.UInt64("x", 1)], output);
            Assert.True(output.WrittenCount <= bytes.Length * 9 + 32, $"seed {seed}");
        }
    }

    [Fact]
    public async Task Insert_of_a_damaged_block_is_an_error_never_a_crash()
    {
        var table = await fixture.CreateDatabaseAsync() + ".t";
        await fixture.Ledger.ExecuteAsync($"CREATE TABLE {table} (n Int64, s LowCardinality(String)) ENGINE = MergeTree ORDER BY n");
        var block = Block(rows: 100);
        var seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        var refused = 0;
        for (var round = 0; round < 200; round++)
        {
            var damaged = block.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                await fixture.Ledger.InsertAsync(new LedgerInsert(table, [damaged], ["n", "s"], $"t{round}"));
            }
            catch (LedgerException)
            {
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
        Assert.Equal("1", await fixture.Engine.QueryTextAsync("SELECT 1"));
    }

    private static byte[] Block(int rows)
    {
        var block = new NativeBlock();
        var n = block.Int64("n");
        var s = block.LowCardinality("s");
        for (var i = 0; i < rows; i++)
        {
            n.Append(i);
            s.Append("x"u8);
            block.EndRow();
        }
        var output = new ArrayBufferWriter<byte>();
        block.WriteTo(output);
        return output.WrittenSpan.ToArray();
    }
}
