using System.Diagnostics;
using System.Globalization;
using Metering.Client.Spool;
using Metering.Testing;

namespace Metering.Client.Tests.Spool;

/// <summary>kill -9 of a process that appends, at random times, over and over in one folder.</summary>
public sealed class SpoolKillTests
{
    private const int Rounds = 12;

    // Everything whose append returned, in order, over all rounds.
    private readonly List<(long Epoch, long Sequence)> _returned = [];
    private (long Epoch, long Sequence)? _settling;
    private (long Epoch, long Sequence)? _settled;

    [Fact]
    public async Task Everything_whose_append_returned_is_there_after_kill_9_R4()
    {
        using var folder = new TempFolder();
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            await KillOneAsync(folder.Path, random);
            Check(folder.Path, seed, round);
        }
        Assert.True(_returned.Count > Rounds * 10, $"only {_returned.Count} appends in all");
    }

    private async Task KillOneAsync(string folder, Random random)
    {
        var start = SelfProcess.Start("spool-child", folder, random.Next().ToString(CultureInfo.InvariantCulture));
        start.RedirectStandardOutput = true;
        using var child = Process.Start(start)!;
        long epoch = 0;
        var stopwatch = new Stopwatch();
        var livesMs = random.Next(1, 250);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await child.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            var words = line.Split(' ');
            var numbers = words.Skip(1).Select(w => long.TryParse(w, CultureInfo.InvariantCulture, out var n) ? n : -1).ToArray();
            // The kill may cut the last line: only a whole one counts, and a whole number of digits is told by the next line.
            switch (words[0])
            {
                case "epoch":
                    epoch = numbers[0];
                    stopwatch.Start();
                    break;
                case "appended" when _returned.Count == 0 || numbers[0] == 1 || numbers[0] == _returned[^1].Sequence + 1:
                    _returned.Add((epoch, numbers[0]));
                    break;
                case "settling" when numbers.Length == 2:
                    _settling = (numbers[0], numbers[1]);
                    break;
                case "settled" when numbers.Length == 2 && _settling == (numbers[0], numbers[1]):
                    _settled = _settling;
                    break;
            }
            if (stopwatch.ElapsedMilliseconds >= livesMs && !child.HasExited)
                child.Kill();
        }
        await child.WaitForExitAsync(limit.Token);
    }

    private void Check(string folder, int seed, int round)
    {
        var log = new ListLogger();
        using var spool = EventSpool.Open(folder, SpoolBench.Source, SpoolChild.Options, TimeProvider.System, log);
        spool.Begin(null, schema: 7);
        var found = new List<(long Epoch, long Sequence)>();
        using (var reader = spool.OpenReader())
        {
            while (reader.TryRead())
                found.Add((reader.Header.Epoch, reader.Head.Sequence));
        }
        var message = string.Create(CultureInfo.InvariantCulture, $"seed {seed} round {round}");
        Assert.True(log.Count(4002) + log.Count(4003) + log.Count(4004) == 0, message + ": damage was reported");
        Assert.True(found.Distinct().Count() == found.Count, message + ": an event is there twice");
        // At most one append per kill was done and not told.
        var first = found.Count > 0 ? _returned.IndexOf(found[0]) : _returned.Count;
        var expected = _returned.Skip(Math.Max(0, first)).ToList();
        Assert.True(!expected.Except(found).Any(), $"{message}: {expected.Except(found).Count()} are missing from {first} on");
        Assert.True(found.Except(_returned).Count() <= round + 1, message + ": more than was appended");
        var settled = _settled is { } s ? _returned.IndexOf(s) : -1;
        var settling = _settling is { } t ? _returned.IndexOf(t) : -1;
        Assert.True(first < 0 || (first > settled && first <= Math.Max(settled, settling) + 1), $"{message}: reading begins at {first}, settled {settled}, settling {settling}");
        Assert.True(spool.PendingEvents == found.Count, $"{message}: {spool.PendingEvents} pending, {found.Count} found");
    }
}
