using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Migrations;

/// <summary>
/// Brings the ledger's tables to this program's version: numbered files, each applied once, by one process of several.
/// The lock is a table whose creation only one process wins and whose comment names the winner; it is renewed before each
/// statement. A lock that was not renewed for <see cref="LockIsStaleAfter"/> belongs to a dead process and is taken over.
/// Should that process live after all, no harm is done: every statement can be run twice.
/// </summary>
public sealed class Migrator
{
    /// <summary>How long others wait for a process that died in mid-migration.</summary>
    public static readonly TimeSpan LockIsStaleAfter = TimeSpan.FromSeconds(15);

    private const int UnknownTable = 60, TableAlreadyExists = 57;
    private static readonly TimeSpan TryLockAgainAfter = TimeSpan.FromMilliseconds(250);

    private readonly ILedger _ledger;
    private readonly TimeProvider _time;
    private readonly IReadOnlyList<Migration> _all;
    private readonly string _owner = Guid.NewGuid().ToString();

    public Migrator(ILedger ledger, TimeProvider time)
        : this(ledger, time, Migration.All())
    {
    }

    internal Migrator(ILedger ledger, TimeProvider time, IReadOnlyList<Migration> all) => (_ledger, _time, _all) = (ledger, time, all);

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
        await LockAsync(cancellationToken);
        try
        {
            var missing = await MissingAsync(cancellationToken);
            foreach (var migration in missing)
                await ApplyAsync(migration, cancellationToken);
            return missing.Count;
        }
        finally
        {
            await UnlockAsync();
        }
    }

    private async Task ApplyAsync(Migration migration, CancellationToken cancellationToken)
    {
        foreach (var statement in migration.Statements())
        {
            await RenewLockAsync(cancellationToken);
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

    private async Task LockAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _ledger.ExecuteAsync($"CREATE TABLE metering.migration_lock (at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY at COMMENT '{_owner}'", cancellationToken);
                return;
            }
            catch (LedgerException error) when (error.Code == TableAlreadyExists)
            {
                if (await IsLockStaleAsync(cancellationToken))
                    await _ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock SYNC", cancellationToken);
                else
                    await Task.Delay(TryLockAgainAfter, _time, cancellationToken);
            }
        }
    }

    // The server's clock on both sides: the processes' own may differ.
    private async Task<bool> IsLockStaleAsync(CancellationToken cancellationToken)
    {
        var age = await _ledger.RowsAsync("SELECT dateDiff('second', metadata_modification_time, now()) FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'", cancellationToken);
        return age.Count == 1 && long.Parse(age[0][0], CultureInfo.InvariantCulture) > LockIsStaleAfter.TotalSeconds;
    }

    /// <summary>Writes the lock's comment again: its time of modification is the sign of life.</summary>
    private async Task RenewLockAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _ledger.ExecuteAsync($"ALTER TABLE metering.migration_lock MODIFY COMMENT '{_owner}'", cancellationToken);
        }
        catch (LedgerException error) when (error.Code == UnknownTable)
        {
            throw new LedgerException("the migration lock was taken over by another process: this one was too slow", 0, isTransient: true, error);
        }
    }

    private async Task UnlockAsync()
    {
        try
        {
            var owner = await _ledger.RowsAsync("SELECT comment FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'", CancellationToken.None);
            if (owner.Count == 1 && owner[0][0] == _owner)
                await _ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock SYNC", CancellationToken.None);
        }
        catch (LedgerException)
        {
            // The ledger is away: the lock goes stale by itself, and what failed before this is what the caller must hear.
        }
    }
}
