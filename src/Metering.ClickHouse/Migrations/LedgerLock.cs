using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Migrations;

/// <summary>
/// One process of several: a table whose creation only one of them wins and whose comment names the winner. A lock that
/// was not renewed for <see cref="IsStaleAfter"/> belongs to a dead process and is taken over; should that process live
/// after all, what is done under the lock must bear to be done twice.
/// </summary>
internal sealed class LedgerLock(ILedger ledger, TimeProvider time)
{
    /// <summary>How long others wait for a process that died while it held the lock.</summary>
    public static readonly TimeSpan IsStaleAfter = TimeSpan.FromSeconds(15);

    private const int UnknownTable = 60, TableAlreadyExists = 57;
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(250);

    private readonly string _owner = Guid.NewGuid().ToString();

    public async Task<T> HoldAsync<T>(Func<Task<T>> action, CancellationToken cancellationToken)
    {
        await TakeAsync(cancellationToken);
        try
        {
            return await action();
        }
        finally
        {
            await LetGoAsync();
        }
    }

    /// <summary>Writes the lock's comment again: its time of modification is the sign of life.</summary>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ledger.ExecuteAsync($"ALTER TABLE metering.migration_lock MODIFY COMMENT '{_owner}'", cancellationToken);
        }
        catch (LedgerException error) when (error.Code == UnknownTable)
        {
            throw new LedgerException("the migration lock was taken over by another process: this one was too slow", 0, isTransient: true, error);
        }
    }

    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await ledger.ExecuteAsync($"CREATE TABLE metering.migration_lock (at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY at COMMENT '{_owner}'", cancellationToken);
                return;
            }
            catch (LedgerException error) when (error.Code == TableAlreadyExists)
            {
                if (await IsStaleAsync(cancellationToken))
                    await ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock SYNC", cancellationToken);
                else
                    await Task.Delay(TryAgainAfter, time, cancellationToken);
            }
        }
    }

    // The server's clock on both sides: the processes' own may differ.
    private async Task<bool> IsStaleAsync(CancellationToken cancellationToken)
    {
        var age = await ledger.RowsAsync("SELECT dateDiff('second', metadata_modification_time, now()) FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'", cancellationToken);
        return age.Count == 1 && long.Parse(age[0][0], CultureInfo.InvariantCulture) > IsStaleAfter.TotalSeconds;
    }

    private async Task LetGoAsync()
    {
        try
        {
            var owner = await ledger.RowsAsync("SELECT comment FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'", CancellationToken.None);
            if (owner.Count == 1 && owner[0][0] == _owner)
                await ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock SYNC", CancellationToken.None);
        }
        catch (LedgerException)
        {
            // The ledger is away: the lock goes stale by itself, and what failed before this is what the caller must hear.
        }
    }
}
