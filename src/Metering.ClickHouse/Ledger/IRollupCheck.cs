namespace Metering.ClickHouse.Ledger;

/// <summary>Compares the roll-ups of a range of blocks with the events, and mends them by correcting rows (R19).</summary>
public interface IRollupCheck
{
    /// <param name="table">The base table, without its database; one without roll-ups needs no mending.</param>
    /// <param name="partition">The ledger partition; no other's rows are looked at.</param>
    /// <param name="fromBlock">The range's first block offset.</param>
    /// <param name="toBlock">The block offset behind its last.</param>
    /// <returns>Correcting rows written.</returns>
    /// <exception cref="LedgerException">The ledger failed, or the roll-up still differs after it was mended.</exception>
    Task<long> RepairAsync(string table, uint partition, long fromBlock, long toBlock, CancellationToken cancellationToken);
}
