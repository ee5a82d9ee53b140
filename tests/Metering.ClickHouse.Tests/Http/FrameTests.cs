using System.Buffers.Binary;
using Metering.ClickHouse.Http;

namespace Metering.ClickHouse.Tests.Http;

public sealed class FrameTests(EngineFixture fixture)
{
    /// <summary>The engine's own column files are such frames: each checksum in them is a test of ours.</summary>
    [Fact]
    public async Task Hash_equals_the_checksums_that_the_engine_writes()
    {
        var database = await fixture.CreateDatabaseAsync();
        await fixture.Engine.ExecuteAsync($"CREATE TABLE {database}.f (a UInt64 CODEC(ZSTD), b String CODEC(LZ4), c UInt8 CODEC(NONE)) ENGINE = MergeTree ORDER BY a SETTINGS min_bytes_for_wide_part = 0");
        foreach (var rows in new[] { 1, 3, 17, 40, 100_000 })
            await fixture.Engine.ExecuteAsync($"INSERT INTO {database}.f SELECT number, randomPrintableASCII(number % 50), number % 3 FROM numbers({rows})");
        var path = await fixture.Engine.QueryTextAsync($"SELECT data_paths[1] FROM system.tables WHERE database = '{database}' AND name = 'f'");
        var frames = 0;
        foreach (var file in Directory.EnumerateFiles(path, "*.bin", SearchOption.AllDirectories))
        {
            for (ReadOnlySpan<byte> rest = await File.ReadAllBytesAsync(file); !rest.IsEmpty; frames++)
            {
                var length = Frame.ChecksumBytes + BinaryPrimitives.ReadInt32LittleEndian(rest[17..]);
                Assert.Equal(BinaryPrimitives.ReadUInt128LittleEndian(rest), CityHash128.Hash(rest[Frame.ChecksumBytes..length]));
                rest = rest[length..];
            }
        }
        Assert.True(frames >= 15, $"{frames} frames under {path}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(70_000)]
    public void Decode_returns_what_was_encoded(int length)
    {
        var plain = new byte[length];
        new Random(length).NextBytes(plain);
        Assert.Equal(plain, Frame.Decode(Frame.Encode(plain)));
    }
}
