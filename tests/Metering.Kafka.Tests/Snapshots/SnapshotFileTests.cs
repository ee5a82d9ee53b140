using Metering.Kafka.Snapshots;

namespace Metering.Kafka.Tests.Snapshots;

/// <summary>R9: a file is read as it was written, or not at all.</summary>
public sealed class SnapshotFileTests : IDisposable
{
    private const string Name = "changelog [3]";

    private readonly string _folder = Directory.CreateTempSubdirectory("snapshots").FullName;
    private readonly SnapshotPoint _point = new(17, SnapshotMark.NewId(), 42);

    private string FilePath => Path.Combine(_folder, "3.snapshot");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(30_000)]
    public void R9_A_file_gives_back_every_entry_in_order(int entries)
    {
        Write(entries);
        var read = new List<(string Key, string Value)>();
        var point = SnapshotFile.Read(FilePath, Name, (key, value) => read.Add((Convert.ToHexString(key), Convert.ToHexString(value))));
        Assert.Equal((17L, 42L), (point.MarkOffset, point.Position));
        Assert.Equal(_point.Id, point.Id);
        Assert.Equal(Enumerable.Range(0, entries).Select(i => (Convert.ToHexString(Key(i)), Convert.ToHexString(Value(i)))), read);
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public void R9_A_file_that_is_cut_or_has_one_byte_changed_is_refused_and_gives_nothing()
    {
        Write(3);
        var whole = File.ReadAllBytes(FilePath);
        for (var i = 0; i < whole.Length; i++)
        {
            File.WriteAllBytes(FilePath, whole[..i]);
            AssertRefused("torn or damaged");
            var changed = whole.ToArray();
            changed[i] ^= 4;
            File.WriteAllBytes(FilePath, changed);
            AssertRefused("torn or damaged");
        }
        File.WriteAllBytes(FilePath, [.. whole, 0]);
        AssertRefused("torn or damaged");
    }

    [Fact]
    public void R9_A_file_of_another_changelog_is_refused()
    {
        Write(3);
        var error = Assert.Throws<StaleSnapshotException>(() => SnapshotFile.Read(FilePath, "other [3]", static (_, _) => Assert.Fail("an entry")));
        Assert.Contains(Name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void R9_What_was_left_by_a_kill_in_the_middle_of_a_write_is_deleted_and_the_file_before_it_stays()
    {
        Write(3);
        var draft = $"{FilePath}.{Convert.ToHexStringLower(SnapshotMark.NewId())}.new";
        File.WriteAllBytes(draft, File.ReadAllBytes(FilePath)[..20]);
        SnapshotFile.DeleteDrafts(FilePath);
        Assert.Equal([FilePath], Directory.GetFiles(_folder));
        Assert.Equal(42, SnapshotFile.Read(FilePath, Name, static (_, _) => { }).Position);
    }

    [Fact]
    public void R9_A_write_that_fails_leaves_the_file_before_it()
    {
        Write(3);
        using var state = State(1);
        // Of an id whose draft cannot be made: a folder has its name.
        var other = _point with { Id = SnapshotMark.NewId(), Position = 99 };
        Directory.CreateDirectory($"{FilePath}.{Convert.ToHexStringLower(other.Id)}.new");
        Assert.ThrowsAny<Exception>(() => SnapshotFile.Write(FilePath, Name, other, state));
        Assert.Equal(42, SnapshotFile.Read(FilePath, Name, static (_, _) => { }).Position);
    }

    private static byte[] Key(int i) => BitConverter.GetBytes(i);

    private static byte[] Value(int i) => [.. Enumerable.Repeat((byte)i, i % 300)];

    private static SnapshotBuffer State(int entries)
    {
        var state = new SnapshotBuffer();
        for (var i = 0; i < entries; i++)
            state.Add(Key(i), Value(i));
        return state;
    }

    private void Write(int entries)
    {
        using var state = State(entries);
        SnapshotFile.Write(FilePath, Name, _point, state);
    }

    private void AssertRefused(string reason)
    {
        var error = Assert.Throws<StaleSnapshotException>(() => SnapshotFile.Read(FilePath, Name, static (_, _) => Assert.Fail("an entry")));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }
}
