using System.Diagnostics;
using System.Globalization;
using Metering.Registry.Model;
using Metering.Registry.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Registry.Tests.Store;

/// <summary>A process of its own registers without end and notes each acknowledgement; it is killed, and the folder opened again.</summary>
public sealed class KillTests
{
    private const string FolderVariable = "METERING_REGISTRY_KILL_FOLDER";
    private const int Rounds = 5;
    private static readonly TimeSpan ChildWorksWithin = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Kill_at_any_moment_loses_nothing_acknowledged_and_leaves_no_torn_state()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        using var folder = new TempFolder();
        for (var round = 0; round < Rounds; round++)
        {
            var before = Acknowledged(folder);
            using (var child = Start(folder))
            {
                var enough = before + random.Next(1, 40);
                try
                {
                    await WaitForAsync(() => Acknowledged(folder) >= enough, child);
                }
                finally
                {
                    child.Kill();
                }
                await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
            var acknowledged = Acknowledged(folder);

            using var store = RegistryStore.Open(folder.Path, NullLogger.Instance);

            // Each kill may have come between the disk and the note: one more than acknowledged a round.
            var stored = store.Read(state => state.SchemaCount);
            Assert.InRange(stored, acknowledged, acknowledged + round + 1);
            Assert.Equal(stored, store.Read(state => state.VersionsOf("s")!.Count));
            Assert.Equal(Enumerable.Range(1, stored), store.Read(state => state.VersionsOf("s")!.Select(version => version.Schema.Id).ToArray()));
        }
    }

    /// <summary>Not a test of its own: what the killed process runs.</summary>
    [Fact(Explicit = true)]
    public async Task Child_registers_until_it_is_killed()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable);
        Assert.SkipWhen(folder is null, "skipped: only a child of the kill test runs this");
        using var store = RegistryStore.Open(folder, NullLogger.Instance);
        await using var notes = new FileStream(Path.Combine(folder, "acknowledged"), FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        for (var i = store.Read(state => state.NextId); ; i++)
        {
            var text = $$"""{"type":"map","values":"int","i":{{i}},"padding":"{{new string('x', i % 977)}}"}""";
            var (version, _, _) = await store.RegisterAsync("s", new CandidateSchema(SchemaParser.Parse(text), normalize: false), default);
            Assert.Equal(i, version!.Schema.Id);
            notes.WriteByte((byte)'.');
        }
    }

    private static Process Start(TempFolder folder)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Metering.Registry.Tests");
        Assert.SkipUnless(File.Exists(program), "skipped: the tests do not run as a program of their own here");
        var start = new ProcessStartInfo(program, ["-explicit", "only", "-method", $"{typeof(KillTests).FullName}.{nameof(Child_registers_until_it_is_killed)}"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        start.Environment[FolderVariable] = folder.Path;
        return Process.Start(start)!;
    }

    private static long Acknowledged(TempFolder folder)
    {
        var notes = new FileInfo(Path.Combine(folder.Path, "acknowledged"));
        return notes.Exists ? notes.Length : 0;
    }

    private static async Task WaitForAsync(Func<bool> condition, Process child)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(ChildWorksWithin);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        while (!condition())
        {
            Assert.False(child.HasExited, "the child ended by itself");
            await timer.WaitForNextTickAsync(deadline.Token);
        }
    }
}
