using System.Globalization;
using System.Text;
using Metering.Cli.Commands;
using Metering.Cli.Workload;
using Metering.Client;
using Metering.Core.Sources;

namespace Metering.Cli.Chaos;

/// <summary>What a source published, or what the ledger holds of it.</summary>
internal sealed record ChaosFigures(long Events, long Distinct, Int128 InputTokens, Int128 OutputTokens)
{
    public static readonly ChaosFigures None = new(0, 0, 0, 0);

    public static ChaosFigures operator +(ChaosFigures a, ChaosFigures b) =>
        new(a.Events + b.Events, a.Distinct + b.Distinct, a.InputTokens + b.InputTokens, a.OutputTokens + b.OutputTokens);
}

/// <summary>One source that publishes through all kills, and counts for itself what was accepted of it.</summary>
internal sealed class ChaosSource(TokenEventPublisher publisher, WorkloadGenerator generator, TimeProvider time)
{
    private static readonly TimeSpan Finest = TimeSpan.FromMilliseconds(1);

    private readonly Lock _lock = new();
    private ChaosFigures _published = ChaosFigures.None;

    public string Name => publisher.Stats.Source;

    public ChaosFigures Published
    {
        get
        {
            lock (_lock)
                return _published;
        }
    }

    /// <summary>Names of sources so that each partition has one at least, and <paramref name="least"/> in all.</summary>
    public static IReadOnlyList<string> Names(int partitions, int least)
    {
        var names = new List<string>();
        var perPartition = new int[partitions];
        var share = Math.Max(1, (least + partitions - 1) / partitions);
        for (var number = 1; names.Count < Math.Max(least, partitions) || perPartition.Contains(0); number++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"chaos-{number}");
            ref var held = ref perPartition[Murmur2.PartitionOf(Encoding.UTF8.GetBytes(name), partitions)];
            if (held < share && ++held > 0)
                names.Add(name);
        }
        return names;
    }

    /// <summary>Publishes at the generator's pace until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var due = TimeSpan.Zero;
        while (!cancellationToken.IsCancellationRequested)
        {
            var next = generator.Next();
            due += next.Delay;
            if (due - time.GetElapsedTime(start) is var ahead && ahead > Finest)
                await Task.Delay(ahead, time, cancellationToken).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            var result = publisher.Publish(next.Event);
            if (!result.Accepted)
                throw new CommandFailedException($"an event of {Name} was not taken ({result.Status}): {result.Reason}");
            lock (_lock)
                _published += new ChaosFigures(1, 1, next.Event.InputTokens, next.Event.OutputTokens);
        }
    }

    /// <summary>Waits until the broker has all.</summary>
    public Task<bool> FlushAsync(TimeSpan timeout, CancellationToken cancellationToken) => publisher.FlushAsync(timeout, cancellationToken);
}
