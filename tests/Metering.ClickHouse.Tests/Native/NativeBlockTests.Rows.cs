using System.Buffers;
using System.Globalization;
using System.Text;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Metering.ClickHouse.Native;

namespace Metering.ClickHouse.Tests.Native;

/// <summary>How rows are ended, taken back and refused.</summary>
public sealed partial class NativeBlockTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(257)]
    [InlineData(70_000)]
    public void EncodedBytes_is_what_WriteTo_writes(int rows)
    {
        var block = new NativeBlock();
        var append = DeclareEveryType(block);
        for (var i = 0; i < rows; i++)
            append(i);

        Assert.Equal(Encode(block).Length, block.EncodedBytes);
    }

    [Fact]
    public void Rollback_drops_the_row_under_way()
    {
        var block = new NativeBlock();
        var n = block.Int64("n");
        var s = block.String("s");
        var map = block.Map("m");
        var lc = block.LowCardinality("lc");
        n.Append(1);
        s.Append("kept"u8);
        map.Add("a"u8, "b"u8);
        map.Append();
        lc.Append("x"u8);
        block.EndRow();
        var before = Encode(block);

        n.Append(2);
        s.Append("dropped"u8);
        map.Add("a"u8, "d"u8);
        block.Rollback();
        Assert.Equal(Convert.ToHexString(before), Convert.ToHexString(Encode(block)));

        map.Add("a"u8, "f"u8);
        map.Append();
        map.Add("a"u8, "h"u8);
        block.Rollback();

        Assert.Equal(Convert.ToHexString(before), Convert.ToHexString(Encode(block)));
        Assert.Equal(1, block.RowCount);
    }

    [Fact]
    public async Task Rollback_of_a_word_that_no_row_uses_is_harmless()
    {
        var block = new NativeBlock();
        var lc = block.LowCardinality("lc");
        lc.Append("dropped"u8);
        block.Rollback();
        lc.Append("kept"u8);
        block.EndRow();

        var table = await InsertAsync(block);

        Assert.Equal("kept", await fixture.Engine.QueryTextAsync($"SELECT lc FROM {table}"));
    }

    [Fact]
    public void EndRow_with_a_column_left_out_or_filled_twice_throws()
    {
        var block = new NativeBlock();
        var a = block.Int64("a");
        var b = block.Int64("b");
        a.Append(1);
        Assert.Contains("b has 0", Assert.Throws<InvalidOperationException>(block.EndRow).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => Encode(block));
        b.Append(1);
        b.Append(1);
        Assert.Throws<InvalidOperationException>(block.EndRow);
        Assert.Throws<InvalidOperationException>(block.Rollback);

        block.Reset();
        Assert.Equal(0, a.Count + b.Count);
    }

    [Fact]
    public void WriteTo_with_pairs_that_belong_to_no_row_throws()
    {
        var block = new NativeBlock();
        var map = block.Map("m");
        map.Add("a"u8, "b"u8);

        Assert.Throws<InvalidOperationException>(() => Encode(block));
    }

    [Fact]
    public void Columns_of_one_name_or_too_late_are_refused()
    {
        var block = new NativeBlock();
        var a = block.Int64("a");
        Assert.Throws<ArgumentException>(() => block.String("a"));
        a.Append(1);
        block.EndRow();
        Assert.Throws<InvalidOperationException>(() => block.String("late"));
        Assert.Throws<ArgumentException>(() => new NativeBlock().FixedString("f", 3).Append("four"u8));
    }
}
