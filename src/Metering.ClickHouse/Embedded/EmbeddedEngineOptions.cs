using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>How the embedded engine runs.</summary>
public sealed record EmbeddedEngineOptions
{
    /// <summary>Where its data lie; made when missing. One process a directory.</summary>
    public required string Directory { get; init; }

    /// <summary>Connections for queries, each of one thread. 1–16, default 2: sixteen unthrottled readers starve the writer.</summary>
    public int Readers { get; init; } = 2;

    /// <summary>The engine's memory over all (max_server_memory_usage). At least 512 MiB, default 2 GiB; its own
    /// default is 90% of the machine.</summary>
    public long MaxMemoryBytes { get; init; } = 2L << 30;

    /// <summary>One query's memory (max_memory_usage of the readers). At least 64 MiB, default 1 GiB.</summary>
    public long MaxQueryMemoryBytes { get; init; } = 1L << 30;

    /// <summary>Cache of marks (mark_cache_size). At least 1 MiB, default 64 MiB; the engine's own default is 5 GiB.</summary>
    public long MarkCacheBytes { get; init; } = 64L << 20;

    /// <summary>Statements that may wait for a connection before the next is refused. At least 1, default 1,000.</summary>
    public int MaxWaiting { get; init; } = 1000;

    /// <summary>Checks all values at once.</summary>
    /// <exception cref="LedgerException">Names each setting that is out of its range.</exception>
    internal void Validate()
    {
        var faults = new List<string>();
        if (string.IsNullOrWhiteSpace(Directory))
            faults.Add("Directory is empty");
        Check(Readers, 1, 16, nameof(Readers));
        Check(MaxMemoryBytes, 512L << 20, long.MaxValue, nameof(MaxMemoryBytes));
        Check(MaxQueryMemoryBytes, 64L << 20, long.MaxValue, nameof(MaxQueryMemoryBytes));
        Check(MarkCacheBytes, 1L << 20, long.MaxValue, nameof(MarkCacheBytes));
        Check(MaxWaiting, 1, int.MaxValue, nameof(MaxWaiting));
        if (faults.Count > 0)
            throw new LedgerException("Embedded engine: " + string.Join("; ", faults) + ".");

        void Check(long value, long least, long most, string name)
        {
            if (value < least || value > most)
                faults.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name} is {value}, must be {least} to {most}"));
        }
    }
}
