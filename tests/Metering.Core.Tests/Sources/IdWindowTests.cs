using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

public sealed class IdWindowTests
{
    [Fact]
    public void R7_An_id_within_the_window_is_a_duplicate()
    {
        var window = new IdWindow();
        Assert.True(window.Take(1));
        Assert.False(window.Take(1));
    }

    [Fact]
    public void R7_The_stated_number_of_ids_is_remembered_and_the_memory_is_bounded()
    {
        var window = new IdWindow();
        var total = IdWindow.IdsPerPage * IdWindow.Pages * 3;
        for (var id = 1; id <= total; id++)
            Assert.True(window.Take((UInt128)id));
        for (var id = total - IdWindow.MinRemembered + 1; id <= total; id++)
            Assert.False(window.Take((UInt128)id));
        Assert.True(window.Take(1));
    }

    [Fact]
    public void R7_R9_An_id_that_moved_to_another_page_is_known_in_whatever_order_pages_are_restored()
    {
        var pages = new Dictionary<byte, byte[]>();
        void Keep(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => pages[key[1]] = value.ToArray();
        var window = new IdWindow();
        var next = (UInt128)1_000_000;
        void Fill(int count)
        {
            for (var i = 0; i < count; i++)
                window.Take(next++);
        }

        Fill(10 * IdWindow.IdsPerPage);
        Assert.True(window.Take(7)); // on page 10
        window.SaveAllTo(Keep);
        var old = pages[10];
        Fill(((IdWindow.Pages + 7 - 10) * IdWindow.IdsPerPage) + (4 * IdWindow.IdsPerPage));
        Assert.True(window.Take(7)); // forgotten with its page, and back on another
        window.SaveAllTo(Keep);

        var restored = new IdWindow();
        restored.Restore([IdWindow.KeyTag, 10], old); // a snapshot's, from before
        foreach (var (page, value) in pages.OrderByDescending(pair => pair.Key))
            restored.Restore([IdWindow.KeyTag, page], value);
        Assert.False(restored.Take(7));
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(3000, 100)]
    [InlineData(200_000, 7_001)]
    public void R7_R9_The_window_comes_back_from_its_pages(int ids, int saveEvery)
    {
        var changelog = new List<(byte[] Key, byte[] Value)>();
        var window = new IdWindow();
        for (var id = 1; id <= ids; id++)
        {
            window.Take((UInt128)id);
            if (id % saveEvery == 0 || id == ids)
                window.SaveTo((key, value) => changelog.Add((key.ToArray(), value.ToArray())));
        }
        var restored = new IdWindow();
        foreach (var (key, value) in Compact(changelog))
            restored.Restore(key, value);
        for (var id = Math.Max(1, ids - IdWindow.MinRemembered + 1); id <= ids; id++)
            Assert.False(restored.Take((UInt128)id));
        Assert.True(restored.Take(UInt128.MaxValue));
        Assert.All(changelog, record => Assert.InRange(record.Value.Length, 8, 8 + (16 * IdWindow.IdsPerPage)));
    }

    [Fact]
    public void Restore_of_a_damaged_page_is_refused() =>
        Assert.Throws<InvalidDataException>(() => new IdWindow().Restore([IdWindow.KeyTag, 3], new byte[9]));

    private static IEnumerable<(byte[] Key, byte[] Value)> Compact(List<(byte[] Key, byte[] Value)> changelog) =>
        changelog.Select((record, offset) => (record, offset)).GroupBy(x => x.record.Key[1]).Select(g => g.Last()).OrderBy(x => x.offset).Select(x => x.record);
}
