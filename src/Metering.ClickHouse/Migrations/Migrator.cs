using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Migrations;

/// <summary>
/// Brings the ledger's tables to this program's version: numbered files, each applied once, by one process of several
/// (<see cref="LedgerLock"/>). Every statement can be run twice, so that a process that died in the middle does no harm.
/// </summary>
public sealed class Migrator
{
    private readonly ILedger _ledger;
    private readonly LedgerLock _lock;
    private readonly IReadOnlyList<Migration> _all;

    public Migrator(ILedger ledger, TimeProvider time)
        : this(ledger, time, Migration.All())
    {
    }

    internal Migrator(ILedger ledger, TimeProvider time, IReadOnlyList<Migration> all) => (_ledger, _lock, _all) = (ledger, new LedgerLock(ledger, time), all);

    /// <summary>Applies what is missing.</summary>
    /// <returns>How many were applied by this process.</returns>
    /// <exception cref="InvalidOperationException">An applied migration's text has changed, or the ledger is newer than this program.</exception>
    /// <exception cref="LedgerException">The ledger failed; a later call goes on where this one ended.</exception>
    public async Task<int> ApplyAsync(CancellationToken cancellationToken)
    {
        await _ledger.ExecuteAsync("CREATE DATABASE IF NOT EXISTS metering", cancellationToken);
        await _ledger.ExecuteAsync("CREATE TABLE IF NOT EXISTS metering.schema_migrations (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1", cancellationToken);
        if ((await MissingAsync(cancellationToken)).Count == 0)
            return 0;
        return await _lock.HoldAsync(async () =>
        {
            var missing = await MissingAsync(cancellationToken);
            foreach (var migration in missing)
                await ApplyAsync(migration, cancellationToken);
            return missing.Count;
        }, cancellationToken);
    }

    private async Task ApplyAsync(Migration migration, CancellationToken cancellationToken)
    {
        foreach (var statement in migration.Statements())
        {
            await _lock.RenewAsync(cancellationToken);
            await _ledger.ExecuteAsync(statement, cancellationToken);
        }
        await _ledger.ExecuteAsync(string.Create(CultureInfo.InvariantCulture,
            $"INSERT INTO metering.schema_migrations (version, name, checksum) VALUES ({migration.Version}, '{migration.Name}', '{migration.Checksum}')"), cancellationToken);
    }

    private async Task<List<Migration>> MissingAsync(CancellationToken cancellationToken)
    {
        var applied = new Dictionary<int, string>();
        foreach (var fields in await _ledger.RowsAsync("SELECT version, checksum FROM metering.schema_migrations ORDER BY version", cancellationToken))
            applied[int.Parse(fields[0], CultureInfo.InvariantCulture)] = fields[1];
        if (applied.Keys.DefaultIfEmpty().Max() is var newest && newest > _all[^1].Version)
            throw new InvalidOperationException($"the ledger has migration {newest}, this program knows {_all[^1].Version}: run a newer version of metering");
        foreach (var migration in _all)
        {
            if (applied.TryGetValue(migration.Version, out var checksum) && checksum != migration.Checksum)
                throw new InvalidOperationException($"migration {migration.Version} ({migration.Name}) was applied with another text: put a change into a migration of its own");
        }
        return [.. _all.Where(migration => !applied.ContainsKey(migration.Version))];
    }
}
