using System.Text;
using CsCheck;

namespace Metering.Events.Tests.Codec;

public sealed class StringPoolTests
{
    [Fact]
    public void Intern_the_same_bytes_again_gives_the_same_string()
    {
        var pool = new StringPool();
        Gen.String[Gen.Char['a', 'd'], 0, 40].Sample(
            text =>
            {
                var first = pool.Intern(Encoding.UTF8.GetBytes(text));
                return first == text && ReferenceEquals(first, pool.Intern(Encoding.UTF8.GetBytes(text)));
            },
            threads: 1);
    }

    [Fact]
    public void Intern_of_known_strings_allocates_nothing()
    {
        var pool = new StringPool();
        var texts = Enumerable.Range(0, 5000).Select(i => Encoding.UTF8.GetBytes($"tenant-with-a-rather-long-name-{i}")).ToArray();
        foreach (var text in texts)
            pool.Intern(text);

        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var text in texts)
            pool.Intern(text);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Intern_beyond_the_bound_begins_a_generation_and_keeps_what_is_used()
    {
        var pool = new StringPool(maxStrings: 100);
        var used = pool.Intern("acme"u8);
        for (var i = 0; i < 10_000; i++)
        {
            pool.Intern(Encoding.UTF8.GetBytes($"request-{i}"));
            Assert.Same(used, pool.Intern("acme"u8));
            Assert.InRange(pool.Count, 1, 100);
        }
        Assert.InRange(pool.Generations, 90, 110);
    }

    [Fact]
    public void Intern_strings_that_differ_in_one_byte_are_told_apart()
    {
        var pool = new StringPool();
        for (var length = 1; length <= 64; length++)
        {
            for (var at = 0; at < length; at++)
            {
                var bytes = Encoding.ASCII.GetBytes(new string('a', length));
                bytes[at] = (byte)'b';
                Assert.Equal(Encoding.ASCII.GetString(bytes), pool.Intern(bytes));
            }
        }
    }

    [Fact]
    public void Intern_bytes_that_are_not_UTF8_gives_null_and_keeps_nothing()
    {
        var pool = new StringPool();

        Assert.Null(pool.Intern([0xC3]));
        Assert.Null(pool.Intern([.. "a text of more than sixteen bytes"u8, 0xFF]));
        Assert.Null(pool.Intern([.. Enumerable.Repeat((byte)'a', 300), 0xFF]));
        Assert.Equal(0, pool.Count);
    }

    [Fact]
    public void Intern_a_long_string_does_not_keep_it()
    {
        var pool = new StringPool();

        Assert.Equal(new string('x', 257), pool.Intern(Encoding.ASCII.GetBytes(new string('x', 257))));
        Assert.Equal(0, pool.Count);
    }

    [Fact]
    public void Constructor_bounds_outside_their_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new StringPool(15));
        Assert.Throws<ArgumentOutOfRangeException>(() => new StringPool((1 << 24) + 1));
    }
}
