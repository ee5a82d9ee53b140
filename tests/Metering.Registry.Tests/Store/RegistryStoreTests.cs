using System.Globalization;
using Metering.Registry.Compatibility;
using Metering.Registry.Model;
using Metering.Registry.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Registry.Tests.Store;

public sealed class RegistryStoreTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Open_after_a_stop_everything_is_as_it_was()
    {
        int first, second;
        using (var store = Open())
        {
            first = await RegisterAsync(store, "a", "\"int\"");
            second = await RegisterAsync(store, "a", "\"long\"");
            await RegisterAsync(store, "b", "\"int\"");
            await store.SetLevelAsync("a", CompatibilityLevel.None, default);
            await store.SetLevelAsync(null, CompatibilityLevel.Full, default);
            await store.SetLevelAsync("b", CompatibilityLevel.Forward, default);
            await store.SetLevelAsync("b", null, default);
        }

        using var again = Open();

        Assert.Equal((1, 2), (first, second));
        Assert.Equal(["a", "b"], again.Read(state => state.Subjects.ToArray()));
        Assert.Equal([1, 2], again.Read(state => state.VersionsOf("a")!.Select(version => version.Schema.Id).ToArray()));
        Assert.Equal([1], again.Read(state => state.VersionsOf("b")!.Select(version => version.Schema.Id).ToArray()));
        Assert.Equal(CompatibilityLevel.None, again.Read(state => state.LevelOf("a")));
        Assert.Equal(CompatibilityLevel.Full, again.Read(state => state.LevelOf(null)));
        Assert.Null(again.Read(state => state.LevelOf("b")));
        Assert.Equal(3, await RegisterAsync(again, "a", "\"string\""));
    }

    [Fact]
    public async Task Open_a_log_cut_at_any_byte_gives_the_changes_before_it_and_takes_new_ones()
    {
        var ends = new List<long>();
        using (var store = Open())
        {
            ends.Add(0);
            foreach (var type in new[] { "int", "long", "double" })
            {
                await RegisterAsync(store, "a", $"\"{type}\"");
                ends.Add(new FileInfo(_folder.Log).Length);
            }
        }
        var whole = await File.ReadAllBytesAsync(_folder.Log);
        for (var length = 0; length <= whole.Length; length++)
        {
            await File.WriteAllBytesAsync(_folder.Log, whole[..length]);
            var complete = ends.FindLastIndex(end => end <= length);

            using (var store = Open())
            {
                Assert.Equal(complete, store.Read(state => state.SchemaCount));
                Assert.Equal(ends[complete], new FileInfo(_folder.Log).Length);
                Assert.Equal(complete + 1, await RegisterAsync(store, "b", "\"bytes\""));
            }
            using var again = Open();
            Assert.Equal(complete + 1, again.Read(state => state.SchemaCount));
        }
    }

    [Fact]
    public async Task Open_a_tail_of_zeros_as_after_a_power_cut_is_cut()
    {
        using (var store = Open())
            await RegisterAsync(store, "a", "\"int\"");
        var whole = await File.ReadAllBytesAsync(_folder.Log);
        await File.WriteAllBytesAsync(_folder.Log, [.. whole, .. whole[..20], .. new byte[100], (byte)'\n', .. new byte[10]]);

        using var again = Open();

        Assert.Equal(1, again.Read(state => state.SchemaCount));
        Assert.Equal(whole.Length, new FileInfo(_folder.Log).Length);
    }

    [Fact]
    public async Task Open_a_flipped_bit_in_what_was_acknowledged_stops_the_start_and_changes_nothing()
    {
        using (var store = Open())
        {
            await RegisterAsync(store, "a", "\"int\"");
            await RegisterAsync(store, "a", "\"long\"");
        }
        var whole = await File.ReadAllBytesAsync(_folder.Log);
        var firstEnd = Array.IndexOf(whole, (byte)'\n');
        // The line feeds themselves apart: without the last one, the line is one that was never finished.
        foreach (var at in Enumerable.Range(0, whole.Length - 1).Where(at => at != firstEnd))
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0x10;
            await File.WriteAllBytesAsync(_folder.Log, damaged);

            var failure = Assert.Throws<RegistryCorruptException>(Open);

            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"byte {(at < firstEnd ? 0 : firstEnd + 1)} "), failure.Message, StringComparison.Ordinal);
            Assert.Equal(damaged, await File.ReadAllBytesAsync(_folder.Log));
        }
    }

    [Fact]
    public async Task Open_a_log_that_leaves_out_a_change_is_refused()
    {
        using (var store = Open())
        {
            await RegisterAsync(store, "a", "\"int\"");
            await RegisterAsync(store, "a", "\"long\"");
        }
        var lines = await File.ReadAllLinesAsync(_folder.Log);
        await File.WriteAllTextAsync(_folder.Log, lines[1] + "\n");

        Assert.Throws<RegistryCorruptException>(Open);
    }

    [Fact]
    public async Task Open_what_a_kill_leaves_right_after_an_acknowledgement_holds_the_change()
    {
        using var crashed = new TempFolder();
        using var store = Open();
        for (var i = 1; i <= 20; i++)
        {
            var subject = string.Create(CultureInfo.InvariantCulture, $"s{i}");
            Assert.Equal(i, await RegisterAsync(store, subject, $$"""{"type":"fixed","name":"F{{i}}","size":{{i}}}"""));
            await CopySharedAsync(_folder.Log, crashed.Log);

            using var after = RegistryStore.Open(crashed.Path, NullLogger.Instance);
            Assert.Equal(i, after.Read(state => state.VersionsOf(subject)!.Single().Schema.Id));
        }
    }

    [Fact]
    public async Task RegisterAsync_on_a_full_disk_throws_and_changes_nothing()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "skipped: this system has no /dev/full");
        File.CreateSymbolicLink(_folder.Log, "/dev/full");
        using var store = Open();

        await Assert.ThrowsAsync<IOException>(() => RegisterAsync(store, "a", "\"int\""));
        var second = await Assert.ThrowsAsync<IOException>(() => RegisterAsync(store, "a", "\"int\""));

        Assert.Contains("restart", second.Message, StringComparison.Ordinal);
        Assert.Equal(0, store.Read(state => state.SchemaCount));
        Assert.Null(store.Read(state => state.VersionsOf("a")));
    }

    [Fact]
    public void Open_twice_on_one_folder_is_refused()
    {
        using var store = Open();

        Assert.Throws<IOException>(Open);
    }

    [Fact]
    public async Task RegisterAsync_the_same_schema_by_many_at_once_gets_one_id_and_one_version()
    {
        using var store = Open();

        var ids = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(() => RegisterAsync(store, "a", "\"int\""))));

        Assert.All(ids, id => Assert.Equal(1, id));
        Assert.Single(store.Read(state => state.VersionsOf("a")!));
    }

    [Fact]
    public async Task RegisterAsync_different_schemas_by_many_at_once_number_without_gap_or_double()
    {
        using (var store = Open())
        {
            var ids = await Task.WhenAll(Enumerable.Range(1, 50).Select(i =>
                Task.Run(() => RegisterAsync(store, string.Create(CultureInfo.InvariantCulture, $"s{i % 5}"), $$"""{"type":"array","items":"int","i":{{i}}}"""))));
            Assert.Equal(Enumerable.Range(1, 50), ids.Order());
        }
        using var again = Open();
        Assert.Equal(50, again.Read(state => state.SchemaCount));
    }

    private RegistryStore Open() => RegistryStore.Open(_folder.Path, NullLogger.Instance);

    private static async Task<int> RegisterAsync(RegistryStore store, string subject, string schema)
    {
        var (version, verdict, _) = await store.RegisterAsync(subject, new CandidateSchema(SchemaParser.Parse(schema), normalize: false), default);
        Assert.True(verdict.IsCompatible, string.Join(' ', verdict.Messages));
        return version!.Schema.Id;
    }

    private static async Task CopySharedAsync(string from, string to)
    {
        await using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        await using var target = new FileStream(to, FileMode.Create, FileAccess.Write);
        await source.CopyToAsync(target);
    }
}
