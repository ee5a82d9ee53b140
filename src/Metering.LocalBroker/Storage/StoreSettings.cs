namespace Metering.LocalBroker.Storage;

/// <summary>What only tests set otherwise.</summary>
internal sealed record StoreSettings
{
    public static StoreSettings Default { get; } = new();

    public IFiles Files { get; init; } = DiskFiles.Instance;

    /// <summary>Filled with zeroes at the first start in a directory: 16 MB take about 20 ms.</summary>
    public long JournalFileBytes { get; init; } = 16 << 20;

    /// <summary>How much journal there is between checkpoints: bounds the time of a recovery to about a second.</summary>
    public long CheckpointBytes { get; init; } = 64 << 20;

    /// <summary>With less free nothing big is taken. Must hold a burst between two looks at the disk, the journal twice, and a
    /// checkpoint.</summary>
    public long FreeFloorBytes { get; init; } = 256 << 20;

    public TimeSpan HousekeepingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Null = those of a broker.</summary>
    public Func<BrokerState, IReadOnlyList<IJournaled>>? Rooms { get; init; }
}
